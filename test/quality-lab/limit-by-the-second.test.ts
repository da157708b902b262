import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QualityReport } from '../../src/quality/report.ts';
import { type Coturn, coturnUser, startCoturn } from '../interop/coturn.ts';
import { requirePeer } from '../interop/peers.ts';
import { measuredAgainIfWrong } from './measure-again.ts';
import { MeasuredPath } from './measured-path.ts';

/** Bytes a second of each session and direction. */
const MAX_BPS = 250_000;
const TOLERANCE = 0.25;
const DURATION_MS = 10_000;
const MAX_BITS_PER_SECOND = 10e6;

/** Of the packets that coturn counts this much is payload: the rest is the header of ChannelData. */
const TRUTH = (8 * MAX_BPS * 1200) / 1204;

describe.skipIf(!requirePeer('turnserver'))('coturn with max-bps', { timeout: 60_000 }, () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ args: ['--allow-loopback-peers', '--max-bps', String(MAX_BPS)] });
  });
  afterAll(() => coturn?.stop());

  it('lets through nothing for a part of each second: the figure is what comes on average', async () => {
    const error = ({ bandwidth }: QualityReport) => Math.abs(bandwidth.bitsPerSecond / TRUTH - 1);
    const measure = async () => {
      const path = await MeasuredPath.open(coturn.address, { kind: 'udp' }, coturnUser);
      try {
        return await path.measure(DURATION_MS, MAX_BITS_PER_SECOND);
      } finally {
        path.close();
      }
    };
    const report = await measuredAgainIfWrong(measure, (one) =>
      error(one) > TOLERANCE ? `${one.bandwidth.bitsPerSecond} bit/s, where ${Math.round(TRUTH)} pass` : undefined,
    );
    expect(error(report)).toBeLessThanOrEqual(TOLERANCE);
    expect(report.meaning.video).toMatchObject({ name: '540p' });
  });
});
