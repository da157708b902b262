import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { NaptrRecord, SrvRecord } from '../../src/client/dns-resolver.ts';

/** The type of SRV records; all other questions here are for NAPTR. */
const SRV = 33;

/** What the server has to say about a name. */
export type DnsAnswer =
  | { readonly srv: readonly SrvRecord[] }
  | { readonly naptr: readonly NaptrRecord[] }
  /** An error instead: 2 is SERVFAIL, 3 NXDOMAIN. */
  | { readonly rcode: number }
  | 'silence';

/** A DNS server for one test, on a UDP port of 127.0.0.1, which knows a few names and answers others with NXDOMAIN. */
export class DnsServer {
  /** `127.0.0.1:PORT`, as a resolver wants it. */
  readonly address: string;
  readonly #socket: Socket;

  private constructor(socket: Socket, answers: ReadonlyMap<string, DnsAnswer>) {
    this.#socket = socket;
    this.address = `127.0.0.1:${socket.address().port}`;
    socket.on('message', (query, { address, port }) => {
      const answer = answerTo(query, answers);
      if (answer) socket.send(answer, port, address);
    });
  }

  /** @param answers by `TYPE name`, such as `SRV _turn._udp.example.org`. */
  static async start(answers: Readonly<Record<string, DnsAnswer>>): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket, new Map(Object.entries(answers)));
  }

  async stop(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}

function answerTo(query: Buffer, answers: ReadonlyMap<string, DnsAnswer>): Buffer | undefined {
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const known = answers.get(`${type === SRV ? 'SRV' : 'NAPTR'} ${name.toLowerCase()}`) ?? { rcode: 3 };
  if (known === 'silence') return undefined;
  const records = 'srv' in known ? known.srv.map(srvData) : 'naptr' in known ? known.naptr.map(naptrData) : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // Response, authoritative, recursion available; the low bits are the error.
  header.writeUInt16BE(0x8580 | ('rcode' in known ? known.rcode : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, query.subarray(12, end + 4), ...records.map((data) => resource(type, data))]);
}

function readName(message: Buffer, from: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

/** A record about the name that was asked for, good for a minute. */
function resource(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function srvData({ priority, weight, port, target }: SrvRecord): Buffer {
  return Buffer.concat([numbers(priority, weight, port), encodedName(target)]);
}

function naptrData({ order, preference, flags, service, regexp, replacement }: NaptrRecord): Buffer {
  return Buffer.concat([numbers(order, preference), ...[flags, service, regexp].map(text), encodedName(replacement)]);
}

function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

function text(value: string): Buffer {
  return Buffer.from([value.length, ...Buffer.from(value, 'latin1')]);
}

function encodedName(name: string): Buffer {
  return Buffer.concat([...name.split('.').filter(Boolean).map(text), Buffer.from([0])]);
}
