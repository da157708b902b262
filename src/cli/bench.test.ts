import { Readable, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { main } from './main.ts';

async function run(line: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const stream = (write: (text: string) => void) =>
    new Writable({
      write(chunk, _encoding, done) {
        write(String(chunk));
        done();
      },
    });
  const streams = {
    stdin: Readable.from(['']),
    stdout: stream((text) => {
      stdout += text;
    }),
    stderr: stream((text) => {
      stderr += text;
    }),
  };
  return { code: await main(line, {}, streams), stdout, stderr };
}

it.each([
  [[], /missing required argument 'URL'/],
  [['stun:127.0.0.1'], /STUN alone relays nothing/],
  [['turns:127.0.0.1?transport=udp'], /DTLS/],
  [['turn:127.0.0.1', '--flood', '--find-maximum'], /--flood and --find-maximum exclude each other/],
  [['turn:127.0.0.1', '--idle', '3', '--allocations'], /--idle and --allocations exclude/],
  [['turn:127.0.0.1', '--latency', '--flood'], /--latency is measured at a --rate/],
  [['turn:127.0.0.1', '--size', '19'], /--size takes a whole number from 20 to 1400/],
  [['turn:127.0.0.1', '--rate', '1e3'], /--rate takes a whole number/],
  [['turn:127.0.0.1', '--duration', 'long'], /--duration long is no duration/],
  [['turn:127.0.0.1', '--duration', '0s'], /--duration 0s is no duration/],
  [['turn:127.0.0.1', '--mode', 'both'], /Allowed choices are channel, send/],
  [['turn:127.0.0.1', '--peer-host', 'example.org'], /is no IP address/],
  [['turn:127.0.0.1', '--peer-host', '127.0.0.1', '--peer-command', 'x'], /exclude each other/],
  [['turn:127.0.0.1', '--username', 'alice'], /needs a password/],
  [['peer', '--host', 'here'], /--host here is no IP address/],
])('taciturn bench %j is wrong usage', async (args, reason) => {
  const { code, stdout, stderr } = await run(['bench', ...args]);
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  expect(stderr).toMatch(reason);
});

it.each([[['bench']], [['bench', 'peer']]])('%j has help with an example', async (command) => {
  const { code, stdout } = await run([...command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Examples?:\n {2}\$ taciturn bench/);
});
