import type { AnyGroup, JsonSchema } from './setting.ts';
import { settings } from './settings.ts';

/** The JSON schema of the configuration file, for editors. */
export function configurationSchema(): JsonSchema {
  const schema = groupSchema(settings);
  return Object.assign({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'taciturn.yaml' }, schema);
}

/** The text of `config/taciturn.schema.json`. */
export function configurationSchemaText(): string {
  return `${JSON.stringify(configurationSchema(), null, 2)}\n`;
}

function groupSchema(group: AnyGroup): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [key, node] of Object.entries(group.settings)) {
    if (node.kind === 'group') {
      properties[key] = groupSchema(node);
      continue;
    }
    const { summary, fallback, schema } = node;
    const notes = fallback === undefined ? { description: summary } : { description: summary, default: fallback };
    properties[key] = { ...schema, ...notes };
    if (node.fromFile) {
      properties[`${key}File`] = { type: 'string', description: `A file with the value of ${key}.` };
    }
  }
  return { type: 'object', properties, description: group.summary, additionalProperties: false };
}
