import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Remote, serve } from './channel.ts';
import { LineChannel } from './line-channel.ts';

interface Calculator {
  add(numbers: readonly number[]): Promise<number>;
  fail(): Promise<void>;
  think(): Promise<void>;
}

function connected() {
  const [there, back] = [new PassThrough(), new PassThrough()];
  const served = new LineChannel(there, back);
  serve<Calculator>(served, {
    add: async (numbers) => numbers.reduce((sum, number) => sum + number, 0),
    fail: async () => {
      throw new Error('it cannot be done');
    },
    think: () => new Promise(() => {}),
  });
  const remote = new Remote<Calculator>(new LineChannel(back, there));
  return { remote, served, back };
}

describe('a remote over a channel of lines', () => {
  it('has orders carried out, each answered by itself', async () => {
    const { remote } = connected();
    expect(await Promise.all([remote.call('add', [1, 2]), remote.call('add', [3])])).toEqual([3, 3]);
  });

  it('rejects with the reason of the other side', async () => {
    await expect(connected().remote.call('fail')).rejects.toThrow('it cannot be done');
  });

  it('hands on what answers no order', async () => {
    const { remote, served } = connected();
    const others: unknown[] = [];
    remote.onOther = (message) => others.push(message);
    served.post({ progress: 7 });
    await turn();
    expect(others).toEqual([{ progress: 7 }]);
  });

  it('rejects what is under way, and what comes after, when the other side ends or says nonsense', async () => {
    for (const last of ['', 'command not found\n']) {
      const { remote, back } = connected();
      const underWay = remote.call('think');
      back.end(last);
      const reason = last === '' ? 'it ended' : 'it said: command not found';
      await expect(underWay).rejects.toThrow(reason);
      await expect(remote.call('add', [1])).rejects.toThrow();
    }
  });
});
