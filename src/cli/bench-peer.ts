import type { Command } from 'commander';
import { LineChannel } from '../bench/line-channel.ts';
import { openUdpWire } from '../bench/open-wire.ts';
import { PeerStation } from '../bench/peer-station.ts';
import { runStation } from '../bench/run-station.ts';
import { IpAddress } from '../stun/ip-address.ts';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './command-context.ts';
import { CommandFailure, wrongUsage } from './command-failure.ts';
import { wholeNumber } from './whole-number.ts';

interface PeerOptions {
  readonly host: string;
  readonly port: number;
}

const examples = `
Example:
  $ taciturn bench turn:192.0.2.1 --secret-file secret --peer-command 'ssh peer taciturn bench peer --host 192.0.2.2'

It is told what to do on its standard input, answers on its standard output, and ends with its input.`;

/** `taciturn bench peer` */
export function registerBenchPeer(bench: Command, context: CommandContext): void {
  bench
    .command('peer')
    .description("The peer's side of a load test, for another machine or network namespace; --peer-command starts it")
    .requiredOption('--host <ADDRESS>', 'the address that the relay reaches it at')
    .option('--port <PORT>', 'its port; 0 takes a free one', wholeNumber('--port', 0, 65_535), 0)
    .addHelpText('after', examples)
    .action(async ({ host, port }: PeerOptions) => {
      if (IpAddress.parse(host) === undefined) throw wrongUsage(`--host ${host} is no IP address.`);
      const station = await open(host, port);
      if (station instanceof Error)
        throw new CommandFailure(ExitCode.failure, 'no_socket', `${host}: ${station.message}.`);
      await runStation(new LineChannel(context.streams.stdin, context.streams.stdout), station);
    });
}

async function open(host: string, port: number): Promise<PeerStation | Error> {
  return PeerStation.open(openUdpWire(host, port), host);
}
