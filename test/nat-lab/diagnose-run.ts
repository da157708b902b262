import type { Diagnosis } from '../../src/nat/report.ts';
import { run } from '../interop/peers.ts';
import { launcher } from '../interop/taciturn.ts';
import type { Home } from './home.ts';

export interface DiagnoseRun {
  readonly exitCode: number | null;
  readonly diagnosis: Diagnosis;
  /** The document as it was printed, for `pair`. */
  readonly text: string;
  readonly stderr: string;
}

/**
 * Runs `taciturn diagnose --json` in a home, as its user would.
 *
 * @param options such as `--lifetime`
 * @param caFile who signs the certificates of the servers
 */
export async function diagnose(
  { client }: Home,
  servers: readonly string[],
  caFile: string,
  options: readonly string[] = [],
): Promise<DiagnoseRun> {
  const chosen = servers.flatMap((server) => ['--server', server]);
  const [command, ...args] = [
    ...client.prefix,
    process.execPath,
    launcher,
    'diagnose',
    '--json',
    ...chosen,
    ...options,
  ];
  const { code, stdout, stderr } = await run(command!, args, {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile },
  });
  try {
    return { exitCode: code, diagnosis: JSON.parse(stdout) as Diagnosis, text: stdout, stderr };
  } catch {
    throw new Error(`diagnose ended with ${code} and printed no JSON:\n${stdout}\n${stderr}`);
  }
}
