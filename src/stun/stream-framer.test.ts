import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageWriter } from './message-writer.ts';
import { Attribute, MessageClass, Method } from './protocol.ts';
import { StreamFramer } from './stream-framer.ts';

const stunMessage = fc
  .uint8Array({ maxLength: 200 })
  .map((software) =>
    new MessageWriter()
      .begin(MessageClass.request, Method.binding, Buffer.alloc(12, 7))
      .attribute(Attribute.software, software)
      .finish(),
  );
const channelData = fc
  .tuple(fc.integer({ min: 0x4000, max: 0x7fff }), fc.uint8Array({ maxLength: 300 }))
  .map(([channel, data]) => {
    const frame = Buffer.alloc(4 + data.length);
    frame.writeUInt16BE(channel, 0);
    frame.writeUInt16BE(data.length, 2);
    frame.set(data, 4);
    return frame;
  });
const messages = fc.array(fc.oneof(stunMessage, channelData), { maxLength: 20 });

/** As they stand in a stream: ChannelData padded to a multiple of 4. */
function stream(frames: readonly Buffer[]): Buffer {
  return Buffer.concat(frames.map((frame) => Buffer.concat([frame, Buffer.alloc((4 - (frame.length % 4)) % 4)])));
}

function read(chunks: readonly Buffer[]): { frames: string[]; inSync: boolean; framer: StreamFramer } {
  const framer = new StreamFramer();
  const frames: string[] = [];
  const inSync = chunks.every((chunk) =>
    framer.push(chunk, (buffer, start, end) => frames.push(buffer.toString('hex', start, end))),
  );
  return { frames, inSync, framer };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

describe('StreamFramer', () => {
  it('finds every message, however the stream is split or merged', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 40 }), (sent, cuts) => {
        const { frames, inSync, framer } = read(split(stream(sent), cuts));
        expect(frames).toEqual(sent.map((frame) => frame.toString('hex')));
        expect(inSync).toBe(true);
        expect(framer.isMidMessage).toBe(false);
      }),
    );
  });

  it('finds every message when one byte comes at a time', () => {
    fc.assert(
      fc.property(messages, (sent) => {
        const bytes = stream(sent);
        const { frames } = read(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
        expect(frames).toEqual(sent.map((frame) => frame.toString('hex')));
      }),
    );
  });

  it('takes ChannelData of 0xFFFF bytes and stays in sync for what follows', () => {
    const large = Buffer.concat([Buffer.from('4000ffff', 'hex'), Buffer.alloc(0xffff, 1)]);
    const binding = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
    const { frames, inSync } = read([stream([large, binding])]);
    expect(inSync).toBe(true);
    expect(frames).toEqual([large.toString('hex'), binding.toString('hex')]);
  });

  it('says so, and never throws, when something else comes', () => {
    for (const text of ['\x16\x03\x01\x02\x00\x01', 'SSH-2.0-OpenSSH_9.2\r\n']) {
      // The first byte may look like STUN or ChannelData; then the length is taken at its word.
      expect(() => read([Buffer.from(text, 'latin1')])).not.toThrow();
    }
    expect(read([Buffer.from([0x80])]).inSync).toBe(false);
    expect(read([Buffer.from([0x00, 0x01, 0x00, 0x03])]).inSync).toBe(false);
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        (chunks) => void read(chunks.map((chunk) => Buffer.from(chunk))),
      ),
    );
  });
});
