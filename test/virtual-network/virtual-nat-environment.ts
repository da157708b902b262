import type { Clock } from '../../src/client/clock.ts';
import type { MessageSocket } from '../../src/client/message-socket.ts';
import { failure, success } from '../../src/client/result.ts';
import type { UdpSocketOptions } from '../../src/client/udp-socket.ts';
import type { NatEnvironment } from '../../src/nat/environment.ts';
import { formatTransportAddress, type IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import type { Schedule } from './schedule.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualNat } from './virtual-nat.ts';

/** One host behind a NAT, as the tests of that NAT see it: its sockets, its clock, its chance. */
export class VirtualNatEnvironment implements NatEnvironment {
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** Sockets that are open now: none may be left in the end. */
  readonly open = new Set<string>();
  readonly #nat: VirtualNat;

  constructor(schedule: Schedule, random: SeededRandom, nat: VirtualNat) {
    this.clock = scheduleClock(schedule);
    this.random = (bytes) => random.bytes(bytes);
    this.#nat = nat;
  }

  openUdp: NatEnvironment['openUdp'] = async ({ localIp, localPort = 0, connectTo }: UdpSocketOptions) => {
    const localAddress = { ip: localIp as IpAddress, port: localPort };
    const key = formatTransportAddress(localAddress);
    if (this.open.has(key)) return failure({ kind: 'other', code: 'EADDRINUSE', message: 'taken' });
    this.open.add(key);
    return success(this.#socket(localAddress, connectTo, () => this.open.delete(key)));
  };

  #socket(localAddress: TransportAddress, connectTo: TransportAddress | undefined, closed: () => void): MessageSocket {
    const nat = this.#nat;
    const { clock } = this;
    let isOpen = true;
    const receive = (from: TransportAddress, bytes: Buffer) => {
      const isExpected = !connectTo || formatTransportAddress(from) === formatTransportAddress(connectTo);
      if (isOpen && isExpected) socket.onMessage(bytes, from);
    };
    const socket: MessageSocket = {
      localAddress,
      reliable: false,
      onMessage: () => {},
      onError: () => {},
      send: (bytes, to) => {
        if (!isOpen || nat.send(localAddress, to, bytes) !== 'refused' || !connectTo) return;
        const refusal = { kind: 'refused', code: 'ECONNREFUSED', message: 'connection refused' } as const;
        clock.schedule(1, () => isOpen && socket.onError(refusal));
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        nat.detach(localAddress);
        closed();
      },
    };
    nat.attach(localAddress, receive);
    return socket;
  }
}

/** The clock of virtual time. */
export function scheduleClock(schedule: Schedule): Clock {
  return {
    now: () => schedule.now,
    schedule(delayMs, callback) {
      let armed = true;
      schedule.after(delayMs, () => {
        if (armed) callback();
      });
      return {
        cancel: () => {
          armed = false;
        },
      };
    },
  };
}

/** Lets virtual time pass until the promise is settled. */
export async function runUntil<T>(schedule: Schedule, promise: Promise<T>): Promise<T> {
  let pending = true;
  const end = () => {
    pending = false;
  };
  promise.then(end, end);
  await promisesRun();
  while (pending) {
    if (!schedule.step()) throw new Error('nothing is scheduled that could settle the promise');
    await promisesRun();
  }
  return promise;
}

function promisesRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
