import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { exampleFileText } from './example-file.ts';
import { configurationSchema, configurationSchemaText } from './json-schema.ts';
import { loadConfiguration } from './load-configuration.ts';

const example = fileURLToPath(new URL('../../config/taciturn.yaml', import.meta.url));

// `npx vitest run src/config --update` writes both files anew.
describe('the files in config/', () => {
  it('taciturn.yaml is what the settings say', async () => {
    await expect(exampleFileText()).toMatchFileSnapshot('../../config/taciturn.yaml');
  });

  it('taciturn.schema.json is what the settings say', async () => {
    await expect(configurationSchemaText()).toMatchFileSnapshot('../../config/taciturn.schema.json');
  });

  it('taciturn.yaml is accepted and says nothing but the defaults', () => {
    const fromFile = loadConfiguration({ file: example, environment: {} });
    const defaults = loadConfiguration({ environment: {} });
    expect(fromFile.ok && fromFile.configuration).toEqual(defaults.ok && defaults.configuration);
  });

  it('taciturn.yaml fits the schema, and a wrong key does not', () => {
    const content: object = parse(readFileSync(example, 'utf8'));
    expect(Value.Check(configurationSchema(), content)).toBe(true);
    expect(Value.Check(configurationSchema(), { ...content, relm: 'x' })).toBe(false);
    const withFile = { authentication: { sharedSecretsFile: 'secrets', users: [{ name: 'a', passwordFile: 'b' }] } };
    expect(Value.Check(configurationSchema(), withFile)).toBe(true);
  });
});
