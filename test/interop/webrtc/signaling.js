// What the scripts of this folder share. Each is one WebRTC peer: it talks JSON lines with whoever started it.
//   in:  {"role": "caller" | "callee", "iceServers": […]}, then what the other peer signalled
//   out: what is to be signalled, and from the caller at last {"result": …}
import { createInterface } from 'node:readline';

// Lines may come before somebody listens, even several at once: an iterator keeps them.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = JSON.parse((await lines.next()).value);

/** Whether this peer calls or is called. */
export const { role } = first;

/** The `iceServers` that an app got from the daemon, just as it came. */
export const { iceServers } = first;

/** Hears what the other peer signals. */
export async function onSignal(receive) {
  for await (const line of lines) receive(JSON.parse(line));
}

/** Signals something to the other peer. */
export function signal(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const MESSAGES = 1000;

/** Sends 1,000 different messages and resolves with how many came back, each once and as it was. */
export function exchange(send, onMessage) {
  const waiting = new Set(Array.from({ length: MESSAGES }, (_, i) => `message ${i} ${'x'.repeat(i % 500)}`));
  return new Promise((resolve) => {
    let echoed = 0;
    onMessage((message) => {
      if (waiting.delete(String(message))) echoed++;
      if (waiting.size === 0) resolve(echoed);
    });
    for (const message of waiting) send(message);
  });
}
