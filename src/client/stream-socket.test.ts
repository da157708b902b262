import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { address } from '../../test/client/scripted-socket.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { MessageClass, Method } from '../stun/protocol.ts';
import { StreamSocket } from './stream-socket.ts';
import type { TransportError } from './transport-error.ts';

const server = address('192.0.2.1', 3478);

/** A connection whose far side is the test. */
class ScriptedConnection extends Duplex {
  readonly written: Buffer[] = [];
  stalled = false;
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (!this.stalled) done();
  }
  unref(): this {
    return this;
  }
  destroySoon(): void {
    this.end(() => this.destroy());
  }
}

let connection: ScriptedConnection;
let socket: StreamSocket;
let messages: string[];
let errors: TransportError[];

beforeEach(() => {
  connection = new ScriptedConnection();
  socket = new StreamSocket(connection as unknown as Socket, address('192.0.2.2', 50000), server);
  messages = [];
  errors = [];
  socket.onMessage = (bytes, from) => messages.push(`${from.port} ${bytes.toString('hex')}`);
  socket.onError = (error) => errors.push(error);
});

const binding = new MessageWriter().begin(MessageClass.success, Method.binding, Buffer.alloc(12, 7)).finish();
const channelData = Buffer.from('40000001ff000000', 'hex');
const expected = [`3478 ${binding.toString('hex')}`, '3478 40000001ff'];
const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('a stream of messages', () => {
  it.each([1, 2, 3, 7, 8, 9, 20, 64])('is cut into them again, whatever the segments: %i bytes each', async (size) => {
    const stream = Buffer.concat([binding, channelData]);
    for (let at = 0; at < stream.length; at += size) connection.push(stream.subarray(at, at + size));
    await turns();
    expect(messages).toEqual(expected);
    expect(errors).toEqual([]);
  });

  it('pads ChannelData on its way out, and nothing else', () => {
    socket.send(Buffer.from('40000001ff', 'hex'));
    socket.send(binding);
    expect(connection.written.map((bytes) => bytes.toString('hex'))).toEqual([
      '40000001ff000000',
      binding.toString('hex'),
    ]);
  });

  it('drops relayed data when the server does not read, but no requests', () => {
    connection.stalled = true;
    const large = Buffer.concat([Buffer.from('4000fffc', 'hex'), Buffer.alloc(0xfffc)]);
    for (let i = 0; i < 6; i++) socket.send(large);
    const queued = connection.writableLength;
    expect(socket.dropped).toBeGreaterThan(0);
    socket.send(binding);
    expect(connection.writableLength).toBe(queued + binding.length);
  });

  it('ends, once, with the connection', async () => {
    connection.push(null);
    await turns();
    connection.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    await turns();
    expect(errors).toMatchObject([{ kind: 'lost', code: 'CLOSED' }]);
  });

  it('says nothing after it was closed', async () => {
    socket.close();
    connection.push(binding);
    await turns();
    expect([messages, errors]).toEqual([[], []]);
  });
});

describe('what is no STUN', () => {
  it.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'http'],
    ['SSH-2.0-OpenSSH_9.6\r\n', 'ssh'],
    ['\x15\x03\x03\x00\x02\x02\x46', 'tls'],
    ['220 mail.example.org ESMTP\r\n', 'unknown'],
    ['\x01\x01\x00\x00no cookie at all', 'unknown'],
  ])('is recognised by its beginning, whole or byte by byte: %j', async (text, speaks) => {
    const bytes = Buffer.from(text, 'latin1');
    connection.push(bytes);
    await turns();
    expect(errors).toMatchObject([{ kind: 'not-stun', speaks }]);

    connection = new ScriptedConnection();
    socket = new StreamSocket(connection as unknown as Socket, address('192.0.2.2', 50000), server);
    errors = [];
    socket.onError = (error) => errors.push(error);
    for (const byte of bytes) connection.push(Buffer.of(byte));
    await turns();
    expect(errors).toMatchObject([{ kind: 'not-stun', speaks }]);
  });

  it('ends the connection when it comes later', async () => {
    connection.push(binding);
    connection.push(Buffer.from('ff'.repeat(8), 'hex'));
    await turns();
    expect(messages).toHaveLength(1);
    expect(errors).toMatchObject([{ kind: 'not-stun', speaks: 'unknown' }]);
  });
});
