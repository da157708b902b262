import type { Timer } from '../client/clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import { failure, type Result } from '../client/result.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
import { type BindingAnswer, StunClient } from '../client/stun-client.ts';
import type { TransportError } from '../client/transport-error.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { GatherDependencies } from './dependencies.ts';
import type { LocalAddress } from './local-addresses.ts';
import { gatherRetransmission } from './retransmission.ts';

/** How long a server may be silent before it is looked whether the system knows why. */
const ASK_WHY_AFTER_MS = 400;

type Answer = Result<BindingAnswer, RequestFailure>;

/** The UDP socket of a host candidate. All servers are asked from it, so that their answers are about the same address and port. */
export class HostSocket {
  readonly base: LocalAddress;
  readonly address: TransportAddress;
  readonly #stun: StunClient;
  readonly #dependencies: GatherDependencies;
  readonly #answers = new Map<string, Promise<Answer>>();

  private constructor(base: LocalAddress, socket: MessageSocket, dependencies: GatherDependencies) {
    this.base = base;
    this.address = socket.localAddress;
    this.#dependencies = dependencies;
    const { clock, random } = dependencies;
    this.#stun = new StunClient(socket, { clock, random, retransmission: diagnosticRetransmission() });
    // An error is about one of many servers, and the system does not say which. It says so to the socket that asks why.
    socket.onError = () => {};
  }

  static async open(base: LocalAddress, dependencies: GatherDependencies): Promise<HostSocket | TransportError> {
    const socket = await dependencies.openUdp({ family: base.ip.family, localIp: base.ip });
    return socket.ok ? new HostSocket(base, socket.value, dependencies) : socket.error;
  }

  /**
   * Asks a server under which address it sees this socket; each once, however many URLs name it.
   *
   * @param places how many the server has that could be asked
   */
  binding(server: TransportAddress, places = 1): Promise<Answer> {
    const key = formatTransportAddress(server);
    const asked = this.#answers.get(key) ?? this.#ask(server, places);
    this.#answers.set(key, asked);
    return asked;
  }

  close(): void {
    this.#stun.close();
  }

  async #ask(server: TransportAddress, places: number): Promise<Answer> {
    const refusal = new Refusal(this.base, server, this.#dependencies);
    const answer = await Promise.race([
      this.#stun.binding(server, undefined, { retransmission: gatherRetransmission(places) }),
      refusal.told,
    ]);
    refusal.end();
    return answer;
  }
}

/**
 * Finds out that a server refuses what is sent to it, or that there is no way to it. Only a socket that is connected to it learns
 * of that, so one more is needed. About anything else it keeps silent.
 */
class Refusal {
  readonly told: Promise<Answer>;
  readonly #dependencies: GatherDependencies;
  #stun: StunClient | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(base: LocalAddress, server: TransportAddress, dependencies: GatherDependencies) {
    this.#dependencies = dependencies;
    this.told = new Promise((resolve) => {
      void this.#listen(base, server, resolve);
    });
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#stun?.close();
  }

  async #listen(base: LocalAddress, server: TransportAddress, tell: (answer: Answer) => void): Promise<void> {
    const { clock, random, openUdp } = this.#dependencies;
    const socket = await openUdp({ family: base.ip.family, localIp: base.ip, connectTo: server });
    if (!socket.ok) {
      if (socket.error.kind === 'unreachable') tell(failure({ kind: 'unreachable', code: socket.error.code }));
      return;
    }
    this.#stun = new StunClient(socket.value, { clock, random, retransmission: diagnosticRetransmission() });
    if (this.#ended) this.#stun.close();
    else this.#timer = clock.schedule(ASK_WHY_AFTER_MS, () => void this.#ask(server, tell));
  }

  async #ask(server: TransportAddress, tell: (answer: Answer) => void): Promise<void> {
    const answer = await this.#stun!.binding(server);
    if (!answer.ok && answer.error.kind === 'unreachable') tell(answer);
  }
}
