import type { FastifyInstance } from 'fastify';

export const formType = 'application/x-www-form-urlencoded';

/** Lets the routes of a plugin take forms. Those of other plugins do not. */
export function takeForms(app: Pick<FastifyInstance, 'addContentTypeParser'>): void {
  app.addContentTypeParser(formType, { parseAs: 'string' }, (_request, body, done) => {
    done(null, parseForm(String(body)));
  });
}

/** Fields of a form; one that is repeated becomes a list, which the schema then refuses. */
function parseForm(body: string): Record<string, string | string[]> {
  const fields = new URLSearchParams(body);
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const values = fields.getAll(name);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}
