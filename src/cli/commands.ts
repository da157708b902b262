import type { RegisterCommand } from './command-context.ts';

/** A command, or a group of commands. */
interface CommandSource {
  readonly name: string;
  /** What a group says of itself; a command says it where it is. */
  readonly group?: { readonly summary: string; readonly example: string };
  /** Loads what it needs. */
  readonly load: () => readonly Promise<{ readonly register: RegisterCommand }>[];
}

/** All commands, in the order of the help. A new one is a file with `register` and a line here. */
export const commands: readonly CommandSource[] = [
  { name: 'serve', load: () => [import('./serve.ts')] },
  { name: 'status', load: () => [import('./status.ts')] },
  { name: 'drain', load: () => [import('./drain.ts')] },
  { name: 'reload', load: () => [import('./reload.ts')] },
  { name: 'check', load: () => [import('./check.ts')] },
  { name: 'gather', load: () => [import('./gather.ts')] },
  { name: 'diagnose', load: () => [import('./diagnose.ts')] },
  { name: 'pair', load: () => [import('./pair.ts')] },
  { name: 'doctor', load: () => [import('./doctor.ts')] },
  { name: 'bench', load: () => [import('./bench.ts')] },
  {
    name: 'credentials',
    group: { summary: 'Time-limited credentials', example: 'taciturn credentials issue --user alice' },
    load: () => [import('./credentials-issue.ts')],
  },
  {
    name: 'keys',
    group: { summary: 'API keys of the HTTP service', example: 'taciturn keys create --name app --scope issue' },
    load: () => [import('./keys-create.ts'), import('./keys-list.ts'), import('./keys-revoke.ts')],
  },
  {
    name: 'users',
    group: { summary: 'Static users in the store', example: 'taciturn users add alice --password-file -' },
    load: () => [
      import('./users-add.ts'),
      import('./users-list.ts'),
      import('./users-remove.ts'),
      import('./users-import.ts'),
    ],
  },
  {
    name: 'sessions',
    group: { summary: 'Live allocations of the running server', example: 'taciturn sessions list' },
    load: () => [import('./sessions-list.ts'), import('./sessions-show.ts'), import('./sessions-kill.ts')],
  },
  {
    name: 'config',
    group: { summary: 'The configuration', example: 'taciturn config check --config taciturn.yaml' },
    load: () => [import('./config-check.ts'), import('./config-show.ts'), import('./config-import.ts')],
  },
];
