import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StreamShape, streamShape } from './stream-shape.ts';

const packetsPerSecond = ({ bitsPerSecond, packetBytes }: StreamShape) => bitsPerSecond / 8 / packetBytes;

describe('the steady stream', () => {
  it('has 2,500 packets where there is time for them', () => {
    expect(packetsPerSecond(streamShape(20e6, 100e6, 6000)) * 6).toBeCloseTo(2500, -2);
    expect(packetsPerSecond(streamShape(20e6, 100e6, 500))).toBeCloseTo(450, -1);
    expect(packetsPerSecond(streamShape(20e6, 100e6, 3_600_000))).toBeCloseTo(100, 0);
  });

  it('takes half of the bandwidth, and no more than 2 Mbit/s', () => {
    expect(streamShape(1_000_000, 100e6, 6000).bitsPerSecond).toBeCloseTo(500_000, -4);
    expect(streamShape(100e6, 100e6, 6000).bitsPerSecond).toBeLessThanOrEqual(2_000_000);
  });

  it('is there even where nothing seems to fit', () => {
    expect(streamShape(0, 100e6, 6000)).toEqual({ packetBytes: 100, bitsPerSecond: 64_000 });
  });

  it('is never faster than asked', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 1000, max: 1e9 }), (found, asked) => {
        const { bitsPerSecond, packetBytes } = streamShape(found, asked, 5000);
        expect(bitsPerSecond).toBeLessThanOrEqual(asked);
        expect(packetBytes).toBeGreaterThanOrEqual(100);
        expect(packetBytes).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
