/** Where a value of the configuration came from. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'flag'; readonly flag: string };

/** One thing that is wrong with the configuration. It never holds the value of a secret. */
export interface ConfigProblem {
  readonly origin: Origin;
  /** The key, such as `relay.ports` or `authentication.users[0].name`; empty when it is about the file as a whole. */
  readonly path: string;
  readonly found?: string;
  readonly allowed?: string;
  readonly reason?: string;
}

/** `taciturn.yaml:12:10`, `environment variable TACITURN_REALM`, `--realm` or `default`. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`;
    case 'environment':
      return `environment variable ${origin.variable}`;
    case 'flag':
      return origin.flag;
  }
}

/** One line for people: where, which key, what was found, what is allowed. */
export function describeProblem(problem: ConfigProblem): string {
  const facts = [
    problem.found === undefined ? '' : `found ${problem.found}`,
    problem.allowed === undefined ? '' : `allowed: ${problem.allowed}`,
  ].filter((fact) => fact !== '');
  const sentence = facts.length === 0 ? '' : `${facts.join('; ')}.`;
  const rest = [sentence, problem.reason ?? ''].filter((part) => part !== '').join(' ');
  return [describeOrigin(problem.origin), problem.path, rest].filter((part) => part !== '').join(': ');
}

/** `users`, 0, `name` → `users[0].name`. */
export function formatPath(parts: readonly (string | number)[]): string {
  return parts.reduce<string>((path, part) => {
    if (typeof part === 'number') return `${path}[${part}]`;
    return path === '' ? part : `${path}.${part}`;
  }, '');
}
