import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../test/virtual-network/seeded-random.ts';
import { LARGEST_PACKET, ProbePackets } from './probe-packet.ts';

const packetsOf = (seed: number) => new ProbePackets((bytes) => new SeededRandom(seed).bytes(bytes));
const packets = packetsOf(1);

describe('probe packets', () => {
  it('bring their sequence number with them, at any length', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.integer({ min: 12, max: LARGEST_PACKET }), (sequence, length) => {
        const packet = packets.write(sequence, length);
        expect(packet.length).toBe(length);
        expect(packets.read(packet)).toBe(sequence);
      }),
    );
  });

  it('are not taken from anybody else', () => {
    expect(packets.read(packetsOf(2).write(5, 100))).toBeUndefined();
    expect(packets.read(packets.write(5, 100).subarray(0, 11))).toBeUndefined();
    expect(packets.read(Buffer.concat([packets.write(5, LARGEST_PACKET), Buffer.alloc(1)]))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => packets.read(bytes) === undefined));
  });
});
