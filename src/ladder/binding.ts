import { type IceUrl, isSecure, isStunOnly } from '../client/ice-url.ts';
import { isErrorResponse, type RequestFailure } from '../client/request-failure.ts';
import { TurnClient } from '../client/turn-client.ts';
import { formatTransportAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type Advice, advice } from './advice.ts';
import type { LadderClients } from './clients.ts';
import type { Outcome } from './rung.ts';

/** Enough to see whether a server that does not answer Binding is there at all. */
const briefRetransmission = { initialTimeoutMs: 250, sends: 2, lastWaitFactor: 2 };

/** The Binding step: the first that asks the server something. */
export class BindingStep {
  readonly #url: IceUrl;
  readonly #clients: LadderClients;

  constructor(url: IceUrl, clients: LadderClients) {
    this.#url = url;
    this.#clients = clients;
  }

  /** Over UDP: tries one address after the other, as an application would. */
  async overUdp(servers: readonly TransportAddress[]): Promise<Outcome<TurnClient>> {
    const silent: Advice[] = [];
    let last: Outcome<TurnClient> | undefined;
    for (const server of servers) {
      const client = await this.#clients.open(server);
      const outcome = client instanceof TurnClient ? await this.#ask(client) : client;
      if (outcome.passed) return { ...outcome, warnings: [...silent, ...(outcome.warnings ?? [])] };
      silent.push(outcome.problem);
      last = outcome;
    }
    return (await this.#withoutBinding(servers[0]!, last!)) ?? last!;
  }

  /** Over a connection that is there. */
  async overStream(client: TurnClient): Promise<Outcome<TurnClient>> {
    const outcome = await this.#ask(client);
    if (outcome.passed || isSecure(this.#url)) return outcome;
    const [problem, relays] = await Promise.all([
      this.#clients.reach.speaksTls(client.server),
      this.#withoutBinding(client.server, outcome),
    ]);
    return problem ? { ...outcome, problem } : (relays ?? outcome);
  }

  async #ask(client: TurnClient): Promise<Outcome<TurnClient>> {
    const { server } = client;
    const answer = await client.binding();
    if (!answer.ok) return this.#unanswered(client, answer.error);
    const { mappedAddress, elapsedMs, sends } = answer.value;
    if (sends === 1) this.#clients.pathTakes(elapsedMs);
    const mapped = formatTransportAddress(mappedAddress);
    const behindNat = isBehindNat(client, mappedAddress);
    const facts = { server: formatTransportAddress(server), mappedAddress: mapped, behindNat, sends };
    return { passed: true, value: client, detail: `your address ${mapped}${behindNat ? ', behind a NAT' : ''}`, facts };
  }

  #unanswered(client: TurnClient, failure: RequestFailure): Outcome<TurnClient> {
    if (!isErrorResponse(failure, 401)) return this.#clients.refused('binding', client, failure);
    const server = formatTransportAddress(client.server);
    const problem = bindingNeedsCredentials(server);
    if (isStunOnly(this.#url)) return { passed: false, detail: '401', problem };
    const detail = 'asks for credentials (401)';
    return { passed: true, value: client, detail, facts: { server }, warnings: [problem] };
  }

  /** A TURN server that answers no Binding request relays nevertheless. */
  async #withoutBinding(
    server: TransportAddress,
    outcome: Outcome<TurnClient>,
  ): Promise<Outcome<TurnClient> | undefined> {
    if (outcome.passed || outcome.problem.code !== 'no_answer' || isStunOnly(this.#url)) return undefined;
    const client = await this.#clients.open(server, { retransmission: briefRetransmission });
    if (!(client instanceof TurnClient)) return undefined;
    const answer = await client.challenge();
    if (!answer.ok && answer.error.kind !== 'error-response') return undefined;
    if (answer.ok && answer.value.kind === 'open') await answer.value.allocation.close();
    const where = formatTransportAddress(server);
    const value = await this.#clients.open(server);
    if (!(value instanceof TurnClient)) return undefined;
    const detail = 'no answer, but TURN answers';
    return { passed: true, value, detail, facts: { server: where }, warnings: [bindingUnanswered(where)] };
  }
}

/** Whether the server sees a client elsewhere than it sees itself. */
export function isBehindNat(client: TurnClient, mapped: TransportAddress): boolean {
  const { localAddress } = client.stun.socket;
  return !(sameAddress(mapped.ip, localAddress.ip) && mapped.port === localAddress.port);
}

function bindingNeedsCredentials(where: string): Advice {
  return advice(
    'binding_needs_credentials',
    `${where} answers Binding only to requests with credentials (401). Browsers send none there, so as a stun: server it is of no use to them; relaying is not concerned.`,
    'Let it answer Binding to everybody (coturn: take out secure-stun), or name another server in stun: URLs.',
  );
}

function bindingUnanswered(where: string): Advice {
  return advice(
    'binding_unanswered',
    `${where} answers TURN but not Binding: as a stun: server it is of no use; relaying is not concerned.`,
    'Let it answer Binding (coturn: take out no-stun), or name another server in stun: URLs.',
  );
}
