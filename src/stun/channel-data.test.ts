import { expect, it } from 'vitest';
import { CHANNEL_DATA_HEADER_LENGTH, isChannelData, writeChannelDataHeader } from './channel-data.ts';

it('tells ChannelData from STUN by the first two bits', () => {
  for (let first = 0; first < 256; first++) expect(isChannelData(first)).toBe(first >= 0x40 && first <= 0x7f);
});

it('writes channel and length at the offset given', () => {
  const buffer = Buffer.alloc(2 + CHANNEL_DATA_HEADER_LENGTH, 0xff);
  writeChannelDataHeader(buffer, 2, 0x4001, 1200);
  expect(buffer.toString('hex')).toBe('ffff400104b0');
});
