import { afterAll, beforeAll, expect, it } from 'vitest';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { Taciturn } from '../interop/taciturn.ts';
import { DelayingForwarder } from './delaying-forwarder.ts';
import { measuredAgainIfWrong } from './measure-again.ts';
import { MeasuredPath } from './measured-path.ts';

const DELAY_MS = 30;
const WITHIN_MS = 5;
const DURATION_MS = 4000;
const MAX_BITS_PER_SECOND = 2e6;

let daemon: Taciturn;
let forwarder: DelayingForwarder;

beforeAll(async () => {
  daemon = await Taciturn.start('relay: { peers: { allow: [127.0.0.0/8] } }\n');
  forwarder = await DelayingForwarder.start(daemon.port, DELAY_MS);
});
afterAll(async () => {
  forwarder?.close();
  await daemon?.stop();
});

async function roundTripTo(port: number): Promise<number> {
  const path = await MeasuredPath.open({ ip: IpAddress.parse('127.0.0.1')!, port });
  try {
    return (await path.measure(DURATION_MS, MAX_BITS_PER_SECOND)).roundTripMs.p50;
  } finally {
    path.close();
  }
}

it('a delay that is added to the path, each way, is seen', { timeout: 60_000 }, async () => {
  const measure = async () => {
    const [without, with_] = await Promise.all([roundTripTo(daemon.port), roundTripTo(forwarder.port)]);
    return with_ - without;
  };
  const isWrong = (addedMs: number) => Math.abs(addedMs - 2 * DELAY_MS) > WITHIN_MS;
  const addedMs = await measuredAgainIfWrong(measure, (one) => (isWrong(one) ? `${one} ms added` : undefined));
  expect(isWrong(addedMs), `${addedMs} ms`).toBe(false);
});
