import { describe, expect, it } from 'vitest';
import { address, answerTo, readMessage, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { credentials, ScriptedTurnServer, serverAddress } from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { failure, success } from '../client/result.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
import { TurnClient } from '../client/turn-client.ts';
import { readXorAddress, writeXorAddress } from '../stun/attributes/address.ts';
import { readChannelNumber, readLifetime, writeConnectionId, writeLifetime } from '../stun/attributes/allocation.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { classOf } from './address-class.ts';
import type { Listener, SecurityDependencies } from './dependencies.ts';
import { examineSecurity } from './examine.ts';
import type { SecurityFinding, SecurityReport, SecuritySubject } from './report.ts';

const ip = (text: string) => IpAddress.parse(text)!;

/** A TURN server of which every hole can be opened, and a host with listeners that it may reach. */
class Lab {
  readonly clock = new VirtualClock();
  readonly server = new ScriptedTurnServer();
  targets = ['127.0.0.1', '10.0.0.7'];
  /** Addresses of this host that are no targets. */
  others: readonly string[] = [];
  transport: SecurityDependencies['transport'] = 'udp';
  credentials: SecurityDependencies['credentials'] = credentials;
  at: TransportAddress = serverAddress;
  limitMs: number | undefined;
  /** Whether it answers at all. */
  silent = false;
  /** Whether it asks for credentials. */
  open = false;
  /** Whether it takes any. */
  credulous = false;
  families: readonly number[] = [4, 6];
  /** The error that a permission, a channel or a connection to a peer is refused with, if any. */
  refuses: (peer: string, method: number) => number | undefined = () => 403;
  /** Whether packets to a peer leave, and those for which no permission was given. */
  relays: (peer: string, permitted: boolean) => boolean = (_peer, permitted) => permitted;
  /** What it answers to strangers on its UDP port: sizes in bytes. */
  answersStranger: (bytes: Buffer) => readonly number[] = (bytes) => (bytes[0] === 0 && bytes[1]! < 5 ? [90] : []);
  /** How many allocations there are, and how many there were at most. */
  allocations = 0;
  mostAllocations = 0;
  readonly #listeners = new Map<number, Listener>();
  #nextPort = 40_000;

  async examine(): Promise<SecurityReport> {
    const report = await this.clock.until(examineSecurity(this.#dependencies()));
    await this.clock.advance(60_000);
    expect({ left: this.allocations, timers: this.clock.armed, listening: this.#listeners.size }).toEqual({
      left: 0,
      timers: 0,
      listening: 0,
    });
    return report;
  }

  /** The findings about one subject. */
  async findings(subject: SecuritySubject): Promise<readonly SecurityFinding[]> {
    return (await this.examine()).findings.filter((finding) => finding.subject === subject);
  }

  /** The finding about one target. */
  async finding(target: string, subject: SecuritySubject = 'forbidden-peer'): Promise<SecurityFinding> {
    return (await this.findings(subject)).find(({ facts }) => facts.target === target)!;
  }

  #dependencies(): SecurityDependencies {
    const { at: server, clock, transport } = this;
    return {
      server,
      transport,
      ...(this.credentials && { credentials: this.credentials }),
      targets: this.targets.map((text) => ({ ip: ip(text), addressClass: classOf(ip(text)) })),
      hostAddresses: [...this.targets, ...this.others].map((text) => ({ ip: ip(text) })),
      clock,
      random: seededBytes(),
      open: (login) => {
        const socket = new ScriptedSocket(clock, server);
        const client = new Connection(this, socket);
        socket.reliable = transport !== 'udp';
        socket.script = (request) => client.answer(request);
        socket.channelData = (bytes) => client.channelData(bytes);
        const retransmission = diagnosticRetransmission();
        return Promise.resolve(
          success(new TurnClient(socket, { server, clock, retransmission, ...(login && { credentials: login }) })),
        );
      },
      openUdp: () => Promise.resolve(success(this.#strangerSocket())),
      listen: (target) => Promise.resolve(this.#listen(target.ip)),
      ...(this.limitMs !== undefined && { limitMs: this.limitMs }),
    };
  }

  #listen(at: IpAddress) {
    if (at.text === '10.9.9.9')
      return failure({ kind: 'unreachable', code: 'EADDRNOTAVAIL', message: 'gone' } as const);
    const port = this.#nextPort++;
    const close = () => void this.#listeners.delete(port);
    const listener: Listener = { address: { ip: at, port }, onArrival: () => {}, close };
    this.#listeners.set(port, listener);
    return success(listener);
  }

  /** A packet or a connection gets to the listener that the peer's port names. */
  deliver(peer: TransportAddress, bytes: Buffer): void {
    this.clock.schedule(10, () => this.#listeners.get(peer.port)?.onArrival(bytes, serverAddress));
  }

  #strangerSocket(): MessageSocket {
    const { clock, at } = this;
    const socket: MessageSocket = {
      localAddress: address('192.0.2.2', 50001),
      reliable: false,
      onMessage: () => {},
      onError: () => {},
      close: () => {},
      send: (bytes) => {
        if (this.silent) return;
        for (const size of this.answersStranger(Buffer.from(bytes)))
          clock.schedule(10, () => socket.onMessage(Buffer.alloc(size), at));
      },
    };
    return socket;
  }
}

/** One client's connection to the server, with at most one allocation. */
class Connection {
  readonly #lab: Lab;
  readonly #socket: ScriptedSocket;
  readonly #permitted = new Set<string>();
  readonly #channels = new Map<number, TransportAddress>();
  #allocated = false;

  constructor(lab: Lab, socket: ScriptedSocket) {
    this.#lab = lab;
    this.#socket = socket;
  }

  answer(request: StunMessage): Buffer[] {
    if (this.#lab.silent) return [];
    if (request.messageClass === MessageClass.indication) this.#send(request);
    if (request.messageClass !== MessageClass.request) return [];
    const refusal = this.#refusal(request);
    const { server } = this.#lab;
    server.errors.set(request.method, refusal === undefined ? [] : [refusal]);
    server.relayedAddress = request.has(Attribute.requestedAddressFamily)
      ? address('2001:db8::5', 51234)
      : address('203.0.113.5', 51234);
    const answers = this.#lab.open ? [this.#unsigned(request, refusal)] : this.#checked(request, refusal);
    if (answers[0]![0] === 0x01 && (answers[0]![1]! & 0x10) === 0) this.#granted(request);
    return answers;
  }

  channelData(bytes: Buffer): void {
    const peer = this.#channels.get(bytes.readUInt16BE(0));
    if (peer) this.#relay(peer, bytes.subarray(4, 4 + bytes.readUInt16BE(2)));
  }

  #checked(request: StunMessage, refusal: number | undefined): Buffer[] {
    const answers = this.#lab.server.answer(request);
    const isSigned = request.has(Attribute.messageIntegrity) || request.has(Attribute.messageIntegritySha256);
    const isRefused = answers[0]![0] === 0x01 && (answers[0]![1]! & 0x10) !== 0;
    return this.#lab.credulous && isSigned && isRefused ? [this.#unsigned(request, refusal)] : answers;
  }

  #refusal(request: StunMessage): number | undefined {
    const family = request.has(Attribute.requestedAddressFamily) ? 6 : 4;
    if (request.method === Method.allocate && !this.#lab.families.includes(family)) return 440;
    const peer = peerOf(request);
    return peer && this.#lab.refuses(peer.ip.text, request.method);
  }

  #granted(request: StunMessage): void {
    const lab = this.#lab;
    const peer = peerOf(request);
    const lifetime = request.find(Attribute.lifetime);
    if (request.method === Method.allocate && !this.#allocated) {
      this.#allocated = true;
      lab.mostAllocations = Math.max(lab.mostAllocations, ++lab.allocations);
    } else if (request.method === Method.refresh && lifetime >= 0 && readLifetime(request, lifetime) === 0) {
      if (this.#allocated) lab.allocations--;
      this.#allocated = false;
    } else if (request.method === Method.channelBind) {
      this.#channels.set(readChannelNumber(request, request.find(Attribute.channelNumber))!, peer!);
      this.#permitted.add(peer!.ip.text);
    } else if (request.method === Method.createPermission) {
      this.#permitted.add(peer!.ip.text);
    } else if (request.method === Method.connect && lab.relays(peer!.ip.text, true)) {
      lab.deliver(peer!, Buffer.alloc(0));
    }
  }

  #send(indication: StunMessage): void {
    this.#relay(peerOf(indication)!, Buffer.from(indication.valueAt(indication.find(Attribute.data))));
  }

  #relay(peer: TransportAddress, bytes: Buffer): void {
    const { text } = peer.ip;
    if (!this.#lab.relays(text, this.#permitted.has(text))) return;
    if (text === this.#lab.at.ip.text && peer.port === this.#lab.at.port) this.#answerThroughRelay(peer, bytes);
    else this.#lab.deliver(peer, bytes);
  }

  /** The Binding request that came out of the relay goes to the server itself, and the answer comes back as from any peer. */
  #answerThroughRelay(peer: TransportAddress, binding: Buffer): void {
    if (!this.#permitted.has(peer.ip.text)) return;
    const answer = answerTo(readMessage(Buffer.from(binding)), MessageClass.success);
    const writer = new MessageWriter().begin(MessageClass.indication, Method.data, Buffer.alloc(12));
    writeXorAddress(writer, Attribute.xorPeerAddress, peer);
    this.#socket.deliver(writer.attribute(Attribute.data, answer).finish(), this.#lab.at);
  }

  #unsigned(request: StunMessage, refusal: number | undefined): Buffer {
    if (refusal !== undefined) {
      return answerTo(request, MessageClass.error, (writer) => writeErrorCode(writer, refusal));
    }
    return answerTo(request, MessageClass.success, (writer) => {
      if (request.method === Method.connect) writeConnectionId(writer, 1);
      writeLifetime(writer, 600);
      writeXorAddress(writer, Attribute.xorMappedAddress, this.#socket.localAddress);
      writeXorAddress(writer, Attribute.xorRelayedAddress, this.#lab.server.relayedAddress);
    });
  }
}

function peerOf(message: StunMessage): TransportAddress | undefined {
  const index = message.find(Attribute.xorPeerAddress);
  return index < 0 ? undefined : readXorAddress(message, index);
}

/** Different bytes at every call, the same in every run. */
function seededBytes(): (length: number) => Buffer {
  let count = 0;
  return (length) => {
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32BE(++count, 0);
    return bytes;
  };
}

const states = (findings: readonly SecurityFinding[]) => findings.map(({ state }) => state);
const loopbacks = new Set(['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1']);

describe('a server that is safe', () => {
  it('is found to be', async () => {
    const lab = new Lab();
    const { safe, findings } = await lab.examine();
    expect(safe).toBe(true);
    expect(findings.map(({ state, detail }) => `${state}: ${detail}`)).toEqual([
      'safe: without credentials: refused (401)',
      'safe: with an invented user and password: refused (401)',
      'safe: with the user "constructor": refused (401)',
      'safe: 127.0.0.1: refused (403)',
      'safe: 10.0.0.7: refused (403)',
      'safe: 192.0.2.1:3478, the server itself: not reached through its own relay',
      'not-tested: only a client over TCP or TLS can ask for it',
      'safe: answers at most 4.5 times what is sent (Binding); 50 of 50 requests in a burst answered',
    ]);
  });

  it('is asked for one allocation at a time', async () => {
    const lab = new Lab();
    await lab.examine();
    expect(lab.mostAllocations).toBe(1);
  });

  it('is safe from what it has no relays for', async () => {
    const lab = new Lab();
    lab.families = [4];
    lab.targets = ['::1', '127.0.0.1'];
    expect(await lab.finding('::1')).toMatchObject({
      state: 'safe',
      detail: '::1: no relay of that address family (440)',
    });
    expect(await lab.finding('127.0.0.1')).toMatchObject({ state: 'safe', detail: '127.0.0.1: refused (403)' });
  });
});

describe('a server that relays for anybody', () => {
  it('is open without credentials', async () => {
    const lab = new Lab();
    lab.open = true;
    const findings = await lab.findings('anonymous-relay');
    expect(findings).toMatchObject([{ state: 'unsafe', advice: { code: 'open_relay' } }]);
  });

  it('is found out when it takes any credentials, though its answers are not signed', async () => {
    const lab = new Lab();
    lab.credulous = true;
    const findings = await lab.findings('anonymous-relay');
    expect(findings).toMatchObject([
      { state: 'safe' },
      { state: 'unsafe', advice: { code: 'any_credentials' } },
      { state: 'unsafe', advice: { code: 'inherited_user' } },
    ]);
  });
});

describe('a server that relays to where it should not', () => {
  it('is unsafe when packets arrive, and the words say what that lets a stranger do', async () => {
    const lab = new Lab();
    lab.refuses = (peer) => (peer === '10.0.0.7' ? undefined : 403);
    expect(await lab.finding('10.0.0.7')).toMatchObject({
      state: 'unsafe',
      detail: '10.0.0.7: reached',
      facts: { arrived: true, addressClass: 'private' },
      advice: {
        code: 'relays_to_private',
        cause: expect.stringContaining('as good as inside the private network'),
        fix: expect.stringContaining('denied-peer-ip=10.0.0.0-10.255.255.255'),
      },
    });
  });

  it('is unsafe when they arrive at an address in disguise only', async () => {
    const lab = new Lab();
    lab.refuses = (peer) => (peer === '::ffff:10.0.0.7' ? undefined : 403);
    const { detail, advice } = await lab.finding('10.0.0.7');
    expect(detail).toBe('10.0.0.7: reached as ::ffff:10.0.0.7');
    expect(advice?.cause).toContain('written as ::ffff:10.0.0.7');
  });

  it('is unsafe when no permission is needed', async () => {
    const lab = new Lab();
    lab.relays = (peer) => peer === '127.0.0.1';
    const { state, detail, facts } = await lab.finding('127.0.0.1');
    expect({ state, detail }).toEqual({ state: 'unsafe', detail: '127.0.0.1: reached, without a permission' });
    expect(facts.attempts).toContainEqual({
      ...{ peer: '127.0.0.1:40000', disguise: 'none', channel: 403, permission: 403 },
      ...{ arrived: true, arrivedBy: ['unasked'] },
    });
  });

  it('is unsafe when only a channel gets there', async () => {
    const lab = new Lab();
    lab.refuses = (_peer, method) => (method === Method.channelBind ? undefined : 403);
    const { state, facts } = await lab.finding('10.0.0.7');
    expect(state).toBe('unsafe');
    expect(facts.attempts).toContainEqual(expect.objectContaining({ arrivedBy: ['channel'], permission: 403 }));
  });

  it('is unsafe when it permits loopback, though nothing arrives here', async () => {
    const lab = new Lab();
    lab.refuses = (peer) => (loopbacks.has(peer) ? undefined : 403);
    lab.relays = () => false;
    expect(await lab.finding('127.0.0.1')).toMatchObject({
      state: 'unsafe',
      detail: '127.0.0.1: a permission is given, though nothing arrived',
      facts: { arrived: false },
      advice: { code: 'permits_loopback' },
    });
  });

  it('is not called safe when it permits a private address, and nothing arrives from elsewhere', async () => {
    const lab = new Lab();
    lab.refuses = () => undefined;
    lab.relays = () => false;
    expect(await lab.finding('10.0.0.7')).toMatchObject({ state: 'not-tested', advice: { code: 'cannot_tell' } });
  });

  it('is safe when nothing arrives though it runs on this host', async () => {
    const lab = new Lab();
    lab.at = address('10.0.0.7', 3478);
    lab.refuses = () => undefined;
    lab.relays = () => false;
    expect(await lab.finding('10.0.0.7')).toMatchObject({
      state: 'safe',
      detail: '10.0.0.7: a permission is given, but nothing gets through',
    });
  });

  it('is not held to have a NAT64 because it permits such an address', async () => {
    const lab = new Lab();
    lab.refuses = (peer) => (peer.startsWith('64:ff9b::') ? undefined : 403);
    lab.relays = () => false;
    expect(await lab.finding('127.0.0.1')).toMatchObject({ state: 'safe' });
  });

  it('is found out even when half of the packets are lost', async () => {
    const lab = new Lab();
    lab.refuses = (peer) => (peer === '10.0.0.7' ? undefined : 403);
    let sent = 0;
    lab.relays = (_peer, permitted) => permitted && ++sent > 2;
    expect(await lab.finding('10.0.0.7')).toMatchObject({ state: 'unsafe' });
  });
});

describe('a server that reaches itself through its relay', () => {
  const reachingItself = async (at: string) => {
    const lab = new Lab();
    lab.at = address(at, 3478);
    lab.refuses = (peer) => (peer === at ? undefined : 403);
    return lab.finding(`${at}:3478`);
  };

  it('is safe where everybody reaches it', async () => {
    expect(await reachingItself('198.41.0.4')).toMatchObject({
      state: 'safe',
      detail: '198.41.0.4:3478, the server itself: answers through its own relay as it answers everybody',
    });
  });

  it('is unsafe in a private network', async () => {
    expect(await reachingItself('10.3.3.3')).toMatchObject({ state: 'unsafe', advice: { code: 'relays_to_private' } });
  });
});

describe('a server that relays TCP', () => {
  const overTcp = () => {
    const lab = new Lab();
    lab.transport = 'tcp';
    // ConnectionBind is not needed: what matters is the connection to the peer.
    lab.open = true;
    return lab;
  };

  it('is safe when it refuses', async () => {
    expect(states(await overTcp().findings('forbidden-tcp-peer'))).toEqual(['safe', 'safe']);
  });

  it('is unsafe when it connects', async () => {
    const lab = overTcp();
    lab.refuses = (peer) => (peer === '10.0.0.7' ? undefined : 403);
    expect(await lab.finding('10.0.0.7', 'forbidden-tcp-peer')).toMatchObject({
      state: 'unsafe',
      advice: { code: 'relays_to_private', cause: expect.stringContaining('TCP connections') },
    });
  });

  it('is unsafe when it tries to connect to loopback and fails (447)', async () => {
    const lab = overTcp();
    lab.refuses = (peer, method) => (method === Method.connect && loopbacks.has(peer) ? 447 : 403);
    expect(await lab.finding('127.0.0.1', 'forbidden-tcp-peer')).toMatchObject({
      state: 'unsafe',
      advice: { code: 'permits_loopback' },
    });
  });

  it('cannot be made to amplify', async () => {
    expect(await overTcp().findings('amplification')).toMatchObject([{ state: 'safe' }]);
  });
});

describe('what could not be tested', () => {
  it('is not called safe when the server is silent, and takes no time for ever', async () => {
    const lab = new Lab();
    lab.silent = true;
    const started = lab.clock.now();
    const report = await lab.examine();
    expect(report.safe).toBe(true);
    expect(new Set(states(report.findings))).toEqual(new Set(['not-tested']));
    expect(report.findings.every(({ advice }) => advice !== undefined)).toBe(true);
    expect(lab.clock.now() - started - 60_000).toBeLessThan(40_000);
  });

  it('is not called safe when the credentials are wrong', async () => {
    const lab = new Lab();
    lab.credentials = { username: 'somebody', password: 'wrong' };
    const findings = await lab.findings('forbidden-peer');
    expect(new Set(states(findings))).toEqual(new Set(['not-tested']));
    expect(findings[0]!.detail).toContain('127.0.0.1: not tested: no IPv4 relay, 401');
  });

  it.each([401, 441])('is not called safe when a %i says that the credentials are no good any more', async (code) => {
    const lab = new Lab();
    lab.refuses = () => code;
    const findings = await lab.findings('forbidden-peer');
    expect(new Set(states(findings))).toEqual(new Set(['not-tested']));
  });

  it('is named when addresses of this host were left out', async () => {
    const lab = new Lab();
    lab.others = ['198.41.0.9', '172.20.0.1', '172.21.0.1', '172.21.0.1', '172.22.0.1', '172.23.0.1', '172.24.0.1'];
    const findings = await lab.findings('forbidden-peer');
    expect(findings.at(-1)).toMatchObject({
      state: 'not-tested',
      detail: '5 addresses of this host left out: 172.20.0.1, 172.21.0.1, 172.22.0.1, 172.23.0.1, …',
      facts: { leftOut: ['172.20.0.1', '172.21.0.1', '172.22.0.1', '172.23.0.1', '172.24.0.1'] },
      advice: { code: 'left_out', fix: expect.stringContaining('--security-target 172.20.0.1') },
    });
  });

  it('is not called safe when the time is over', async () => {
    const lab = new Lab();
    lab.limitMs = 0;
    const findings = await lab.findings('forbidden-peer');
    expect(new Set(states(findings))).toEqual(new Set(['not-tested']));
    expect(findings[0]!.detail).toContain('the time for the examination was over');
  });

  it('is not called safe where nothing can listen', async () => {
    const lab = new Lab();
    lab.targets = ['10.9.9.9'];
    expect(await lab.finding('10.9.9.9')).toMatchObject({
      state: 'not-tested',
      detail: '10.9.9.9: not tested: cannot listen there: unreachable (EADDRNOTAVAIL)',
    });
  });
});

describe('answers to strangers', () => {
  const answering = async (answersStranger: Lab['answersStranger']) => {
    const lab = new Lab();
    lab.answersStranger = answersStranger;
    const [finding] = await lab.findings('amplification');
    return finding!;
  };
  const isRequest = (bytes: Buffer) => bytes[0] === 0 && bytes[1]! < 5;

  it('are too large above ten times what was sent', async () => {
    expect(await answering((bytes) => (isRequest(bytes) ? [200] : []))).toMatchObject({
      state: 'safe',
      facts: { factor: 10, limit: 10 },
    });
    expect(await answering((bytes) => (isRequest(bytes) ? [210] : []))).toMatchObject({
      state: 'unsafe',
      facts: { factor: 10.5 },
      advice: { code: 'large_answers' },
    });
  });

  it('are too large when there are many for one request', async () => {
    expect(await answering((bytes) => (isRequest(bytes) ? [90, 90, 90] : []))).toMatchObject({ state: 'unsafe' });
  });

  it('are unsafe when they are answers to answers', async () => {
    const finding = await answering((bytes) => (isRequest(bytes) || bytes[0] === 1 ? [48] : []));
    expect(finding).toMatchObject({
      state: 'unsafe',
      detail: 'answers what is no request (an answer, an error answer)',
      advice: { code: 'answers_to_no_request' },
    });
  });

  it('are counted in a burst, so that a limit shows', async () => {
    let left = 20;
    const finding = await answering((bytes) => (isRequest(bytes) && left-- > 0 ? [90] : []));
    expect(finding.facts.burst).toEqual({ requests: 50, intervalMs: 10, answered: 16 });
  });
});
