import { type TSchema, Type } from 'typebox';
import type { AnyGroup } from './setting.ts';
import { settings } from './settings.ts';

/** The JSON schema of the configuration file, for editors. */
export function configurationSchema(): TSchema {
  const schema = groupSchema(settings);
  return Object.assign({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'taciturn.yaml' }, schema);
}

/** The text of `config/taciturn.schema.json`. */
export function configurationSchemaText(): string {
  return `${JSON.stringify(configurationSchema(), null, 2)}\n`;
}

function groupSchema(group: AnyGroup): TSchema {
  const properties: Record<string, TSchema> = {};
  for (const [key, node] of Object.entries(group.settings)) {
    if (node.kind === 'group') {
      properties[key] = Type.Optional(groupSchema(node));
      continue;
    }
    const { summary, fallback, schema } = node;
    const notes = fallback === undefined ? { description: summary } : { description: summary, default: fallback };
    properties[key] = Type.Optional({ ...schema, ...notes });
    if (node.fromFile) {
      properties[`${key}File`] = Type.Optional(Type.String({ description: `A file with the value of ${key}.` }));
    }
  }
  return Type.Object(properties, { description: group.summary, additionalProperties: false });
}
