import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import { CHANNEL_DATA_HEADER_LENGTH, isChannelData, writeChannelDataHeader } from '../stun/channel-data.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { Attribute, MessageClass } from '../stun/protocol.ts';
import { churn } from './churn.ts';
import { LoadLoop } from './load-loop.ts';
import { monotonicMicroseconds } from './monotonic-clock.ts';
import { sendIndicationHeader } from './send-indication.ts';
import type { Emit, SendPlan, SentReport } from './sender.ts';
import { CHANNEL, type Mode, Session } from './session.ts';
import { writeStamp } from './stamp.ts';
import type { Allocated, AllocateOrder, ChurnOrder, ChurnReport, ClientOrders, OpenOrder } from './station-orders.ts';
import { fromText, type TextAddress, toText } from './text-address.ts';
import type { Wire, WireReceiver } from './wire.ts';

/** How many clients set themselves up at the same time. */
const IN_FLIGHT = 64;
/** Retransmissions and renewals are looked for this often. */
const ADVANCE_EVERY_MS = 50;

export interface ClientStationSetting {
  readonly server: TransportAddress;
  /** The address the clients send from, as peers see it. */
  readonly localHost: string;
  /** Whether clients come over TCP or TLS. */
  readonly reliable: boolean;
}

/** The clients' side: each client has a socket and an allocation of its own. */
export class ClientStation implements ClientOrders {
  readonly loop: LoadLoop;
  readonly #wire: Wire;
  readonly #setting: ClientStationSetting;
  readonly #message = new StunMessage();
  /** By socket. */
  readonly #sessions: (Session | undefined)[] = [];
  /** The socket of each client. */
  readonly #lanes: number[] = [];
  #peer: TransportAddress | undefined;
  #mode: Mode = 'channel';
  #header: Buffer = Buffer.alloc(0);
  #advancedAtMs = 0;

  constructor(wire: Wire, setting: ClientStationSetting) {
    this.#wire = wire;
    this.#setting = setting;
    wire.onMessage = this.#receive;
    // All packets of a client to the server wait in one queue.
    this.loop = new LoadLoop(wire, {
      emit: this.#emit,
      separateRounds: () => true,
      tick: (nowMs) => this.#tick(nowMs),
    });
  }

  async allocate({ clients, credentials, peer, mode }: AllocateOrder): Promise<Allocated> {
    this.#peer = peer && fromText(peer);
    this.#mode = mode;
    const startedAt = performance.now();
    await inTurn(clients, (client) => this.#setUp(client, credentials[client % credentials.length]));
    return {
      relayed: this.#lanes.map((socket) => toText(this.#sessions[socket]!.relayedAddress!)),
      elapsedMs: performance.now() - startedAt,
    };
  }

  /** Opens sockets that send straight to the peer, and makes no allocations. */
  async open({ clients, peer }: OpenOrder): Promise<readonly TextAddress[]> {
    this.#peer = fromText(peer);
    await inTurn(clients, async (client) => {
      const socket = await this.#wire.open();
      if (typeof socket !== 'number') throw socket;
      this.#lanes[client] = socket;
    });
    return this.#lanes.map((socket) => ({ host: this.#setting.localHost, port: this.#wire.localPort(socket) }));
  }

  async release(): Promise<void> {
    const sockets = this.#lanes.splice(0);
    await inTurn(sockets.length, async (i) => this.#giveBack(sockets[i]!));
  }

  churn(order: ChurnOrder): Promise<ChurnReport> {
    return churn(order, async (credentials) => {
      const { socket, session } = await this.#open(credentials);
      if (session.failure === undefined) await this.#giveBack(socket);
      else this.#forget(socket);
      return session.failure;
    });
  }

  send(plan: SendPlan): Promise<SentReport> {
    this.#header = Buffer.alloc(0);
    if (!plan.direct) {
      if (this.#mode === 'send') this.#header = sendIndicationHeader(this.#peer!, plan.size);
      else {
        this.#header = Buffer.alloc(CHANNEL_DATA_HEADER_LENGTH);
        writeChannelDataHeader(this.#header, 0, CHANNEL, plan.size);
      }
    }
    return this.loop.send(plan);
  }

  watch: ClientOrders['watch'] = async (watch) => this.loop.watch(watch);
  arrivals: ClientOrders['arrivals'] = async () => this.loop.arrivals();

  readonly #emit: Emit = (plan, run, lane, sequence, now) => {
    const wire = this.#wire;
    const socket = this.#lanes[lane]!;
    if (!wire.isWritable(socket)) return false;
    const { bytes, at } = wire;
    const headerLength = this.#header.length;
    bytes.set(this.#header, at);
    writeStamp(bytes, at + headerLength, run, lane, sequence, now);
    let length = headerLength + plan.size;
    // RFC 8656 §12.5: in a stream ChannelData is padded; attributes always are.
    if (!plan.direct && (this.#mode === 'send' || this.#setting.reliable)) length = (length + 3) & ~3;
    wire.send(socket, length, plan.direct ? this.#peer! : this.#setting.server);
    return true;
  };

  async #setUp(client: number, credentials: LongTermCredentials | undefined): Promise<void> {
    const { socket, session } = await this.#open(credentials, this.#peer);
    if (session.failure !== undefined) throw new Error(`client ${client} got no relay: ${session.failure}`);
    this.#lanes[client] = socket;
  }

  /** Opens a socket and makes an allocation from it, or fails to. */
  async #open(
    credentials: LongTermCredentials | undefined,
    peer?: TransportAddress,
  ): Promise<{ readonly socket: number; readonly session: Session }> {
    const socket = await this.#wire.open();
    if (typeof socket !== 'number') throw socket;
    const { server, reliable } = this.#setting;
    const send = (bytes: Buffer) => {
      bytes.copy(this.#wire.bytes, this.#wire.at);
      this.#wire.send(socket, bytes.length, server);
      // Making the next request takes so long that the server would stand idle meanwhile.
      this.#wire.flush();
    };
    const session = new Session({ credentials, peer, mode: this.#mode, reliable, send });
    this.#sessions[socket] = session;
    await session.open(monotonicMicroseconds() / 1000);
    return { socket, session };
  }

  async #giveBack(socket: number): Promise<void> {
    await this.#sessions[socket]!.close(monotonicMicroseconds() / 1000);
    this.#forget(socket);
  }

  #forget(socket: number): void {
    this.#sessions[socket] = undefined;
    this.#wire.close(socket);
  }

  #tick(nowMs: number): void {
    if (nowMs < this.#advancedAtMs + ADVANCE_EVERY_MS) return;
    this.#advancedAtMs = nowMs;
    for (const session of this.#sessions) session?.advance(nowMs);
  }

  readonly #receive: WireReceiver = (socket, buffer, start, end, from) => {
    const { server } = this.#setting;
    if (from.port !== server.port || !sameAddress(from.ip, server.ip)) {
      this.loop.arrived(buffer, start, end);
    } else if (end > start && isChannelData(buffer[start]!)) {
      this.loop.arrived(buffer, start + CHANNEL_DATA_HEADER_LENGTH, end);
    } else {
      this.#receiveMessage(socket, buffer, start, end);
    }
  };

  #receiveMessage(socket: number, buffer: Buffer, start: number, end: number): void {
    const message = this.#message;
    if (message.read(buffer, start, end) !== ReadResult.ok) return;
    if (message.messageClass !== MessageClass.indication) {
      this.#sessions[socket]?.receive(message, monotonicMicroseconds() / 1000);
      return;
    }
    const data = message.find(Attribute.data);
    if (data < 0) return;
    const offset = message.offsetAt(data);
    this.loop.arrived(buffer, offset, offset + message.lengthAt(data));
  }
}

/** Does something for each number from 0 to `count`, for a few at a time. */
async function inTurn(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}
