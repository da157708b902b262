import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { parseDurationMilliseconds } from '../config/quantity.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure, wrongUsage } from './command-failure.ts';
import { counted } from './operator/amounts.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { StatusAnswer } from './operator/status-answer.ts';
import { StatusLine } from './status-line.ts';

interface DrainOptions extends DaemonOptions {
  readonly wait?: boolean;
  readonly timeout: string;
}

interface DrainReport {
  /** `ended`: the process was stopped meanwhile. */
  readonly status: 'draining' | 'drained' | 'ended';
  /** Unknown unless it was waited for. */
  readonly allocations?: number;
}

const DrainAnswer = Type.Object({ status: Type.String() });
/** How often it is asked: at first so that nobody waits for nothing, later so that it costs nothing. */
const firstPauseMs = 100;
const longestPauseMs = 1000;

const examples = `
Examples:
  $ taciturn drain --key-file operator.key
  $ taciturn drain --wait --timeout 1h && systemctl stop taciturn

The key needs the scope admin, and read as well for --wait. New clients are refused, or sent to alternateServers; what is
relayed already goes on. A server that drains takes new clients again only after it is started anew.

Exit status: 0 draining (with --wait: no allocation is left), 1 allocations were left after --timeout, or a failure,
64 wrong usage.`;

/** `taciturn drain` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('drain')
    .description('Let the running server take no new allocations, so that it can be stopped without cutting a call')
    .option('--wait', 'wait until no allocation is left')
    .option('--timeout <TIME>', 'how long to wait at most', '10m')
    .addHelpText('after', examples)
    .action(async (options: DrainOptions) => {
      const timeoutMs = parseDurationMilliseconds(options.timeout);
      if (timeoutMs === undefined) throw wrongUsage('--timeout takes a duration, such as 90s, 10m or 1h.');
      const client = await DaemonClient.open(options, context);
      await client.ask('POST', '/v1/drain', DrainAnswer);
      const report = options.wait ? await waitForEnd(client, timeoutMs, context) : ({ status: 'draining' } as const);
      if (options.json === true) writeJson(report, context);
      else context.streams.stdout.write(`${inWords(report)}\n`);
      context.complete(ExitCode.success);
    });
  addDaemonFlags(command);
};

async function waitForEnd(client: DaemonClient, timeoutMs: number, context: CommandContext): Promise<DrainReport> {
  const line = new StatusLine(context);
  const deadline = performance.now() + timeoutMs;
  try {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const allocations = await allocationsLeft(client);
      if (allocations === undefined) return { status: 'ended', allocations: 0 };
      if (allocations === 0) return { status: 'drained', allocations };
      const left = deadline - performance.now();
      if (left <= 0) throw notDrained(allocations, timeoutMs);
      line.show(`waiting for ${counted(allocations, 'allocation')} to end, ${Math.ceil(left / 1000)} s more`);
      await sleep(Math.min(pauseMs, left));
    }
  } finally {
    line.clear();
  }
}

/** `undefined` when the server, which has just begun to drain, is there no more. */
async function allocationsLeft(client: DaemonClient): Promise<number | undefined> {
  const ask = async () => (await client.ask('GET', '/v1/status', StatusAnswer)).allocations;
  try {
    // It may end in the middle of an answer; whether it has, the next question tells.
    return await ask().catch((error: unknown) => (codeOf(error) === 'no_answer' ? ask() : Promise.reject(error)));
  } catch (error) {
    if (codeOf(error) === 'no_server') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof CommandFailure ? error.code : undefined;
}

function notDrained(allocations: number, timeoutMs: number): CommandFailure {
  const left = counted(allocations, 'allocation is', 'allocations are');
  return new CommandFailure(
    ExitCode.failure,
    'not_drained',
    `${left} left after ${timeoutMs / 1000} s. The server goes on draining: wait longer with --timeout, or end them with taciturn sessions kill.`,
  );
}

function inWords({ status }: DrainReport): string {
  switch (status) {
    case 'draining':
      return 'The server takes no new allocations from now on. Those that exist go on; --wait waits for them to end.';
    case 'drained':
      return 'No allocation is left; the server can be stopped.';
    case 'ended':
      return 'The server has ended.';
  }
}
