import { expect, it } from 'vitest';
import { ScriptedLadder } from '../../test/client/scripted-ladder.ts';
import { readIfPresent } from '../client/stun-client.ts';
import { readLifetime } from '../stun/attributes/allocation.ts';
import { Attribute, Method } from '../stun/protocol.ts';
import { type RungName, rungNames } from './rung.ts';

it.each<RungName>(['allocate', 'allocate-peer', 'channel'])(
  'ends after the step %s, and gives back what was allocated',
  async (lastStep) => {
    const ladder = new ScriptedLadder();
    const controller = new AbortController();
    const report = await ladder.climb(
      {},
      { signal: controller.signal, onRung: ({ name }) => name === lastStep && controller.abort() },
    );
    expect(report.passed).toBe(false);
    expect(report.rungs.at(-1)?.name).toBe(lastStep);
    expect(report.notTested[0]).toBe(rungNames[rungNames.indexOf(lastStep) + 1]);
    const used = ladder.sockets.filter((socket) => socket.requests(Method.allocate).length > 0);
    for (const socket of used) {
      const refreshes = socket
        .requests(Method.refresh)
        .filter((request) => request.has(Attribute.messageIntegritySha256));
      const granted = socket.requests(Method.allocate).some((request) => request.has(Attribute.username));
      if (granted) expect(refreshes.map((one) => readIfPresent(one, Attribute.lifetime, readLifetime))).toEqual([0]);
      expect(socket.closed).toBe(true);
    }
    expect(used).toHaveLength(lastStep === 'allocate' ? 1 : 2);
    expect(ladder.clock.armed).toBe(0);
  },
);
