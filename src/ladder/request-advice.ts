/** What a failed step of using a TURN server means, and what to do about it. Pure. */

import type { ForeignDatagram } from '../client/foreign-protocol.ts';
import { formatIceUrl, type IceUrl } from '../client/ice-url.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import type { TransportError } from '../client/transport-error.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type Advice, advice } from './advice.ts';
import { adviseOnForeignAnswer, noRoute } from './connection-advice.ts';
import type { LadderCredentials } from './credentials.ts';
import { adviseOnErrorResponse } from './error-advice.ts';
import { type RungName, stepName } from './rung.ts';

export interface AdviceContext {
  readonly server: TransportAddress;
  /** Whom the step is about: the relayed address of the other allocation. */
  readonly peer?: TransportAddress | undefined;
  readonly url: IceUrl;
  readonly credentials?: LadderCredentials | undefined;
  readonly unixNow: number;
  /** What came over UDP in place of an answer. */
  readonly stranger?: ForeignDatagram | undefined;
}

/** Explains why a request failed at a step. */
export function adviseOnRequest(rung: RungName, failure: RequestFailure, context: AdviceContext): Advice {
  const where = formatTransportAddress(context.server);
  switch (failure.kind) {
    case 'timeout':
      return context.stranger ? strangeDatagram(context.stranger, where) : silence(rung, where, context);
    case 'unreachable':
      return failure.code === 'ECONNREFUSED' ? refused(rung, where) : noRoute(where, failure.code);
    case 'connection-failed':
      return connectionFailed(rung, failure.error, where, context);
    case 'error-response':
      return adviseOnErrorResponse(rung, failure, context);
    case 'integrity-violated':
      return integrityAdvice(rung, failure.claimed?.code, where);
    case 'bid-down':
      return advice(
        'bid_down',
        'The challenge announces password algorithms in its nonce but does not list them: either the server is faulty, or somebody on the way takes the stronger one out.',
        'Try from another network; if it fails there too, update the server.',
      );
    case 'no-supported-algorithm':
      return advice(
        'no_supported_algorithm',
        'The server offers only password algorithms that this version does not know.',
        'Let the server offer SHA-256 or MD5 too.',
      );
    case 'stale-nonce-loop':
      return advice(
        'stale_nonce',
        'The server calls every nonce stale as soon as it is used (438), so no request ever gets through.',
        'If several servers share this name behind a load balancer, send one client always to the same of them. Otherwise look whether the client arrives there from changing addresses or ports, and whether nonces live longer than a second (taciturn: authentication.nonceLifetime, coturn: stale-nonce).',
      );
    case 'malformed-response':
      return advice(
        'malformed_response',
        `What answers at ${where} does not answer as a TURN server does.`,
        'Check host and port; some other service may be listening there.',
      );
    case 'channels-exhausted':
    case 'closed':
      return advice(
        'internal',
        'The client ended in the middle of the check.',
        'This is a bug of taciturn: please report it.',
      );
  }
}

function silence(rung: RungName, where: string, { server, url }: AdviceContext): Advice {
  const look = "Look into the server's log for this moment, and check again in a minute.";
  switch (rung) {
    case 'binding':
      return url.transport === 'tcp' ? silentConnection(where) : silentPort(where, server.port);
    case 'challenge':
      return advice(
        'no_answer',
        `${where} answers Binding but not Allocate: it is a STUN server only, or it has stopped answering this address.`,
        'Switch TURN on (coturn: take out stun-only), or wait a minute and look whether the server limits requests by source.',
      );
    case 'allocate':
      return advice(
        'no_answer',
        `${where} asks for credentials, and does not answer the request that brings them: it may be waiting for its user database or an admission service, have no bandwidth left to give (coturn: max-bps, bps-capacity), or have stopped.`,
        look,
      );
    case 'allocate-peer':
      return advice(
        'no_answer',
        `${where} has answered the first allocation, but not a second from another port: it may limit requests by source, or it has stopped.`,
        look,
      );
    case 'permission':
    case 'channel': {
      const request = rung === 'permission' ? 'CreatePermission' : 'ChannelBind';
      return advice(
        'no_answer',
        `${where} gave relayed addresses, but does not answer ${request}: it may have stopped, or not know that request.`,
        look,
      );
    }
    case 'refresh':
      return advice(
        'no_answer',
        `${where} relays, but does not answer Refresh: a call through it ends when the allocation does, after ten minutes by default.`,
        look,
      );
    case 'close':
      return advice(
        'no_answer',
        `${where} relays, but has not answered when the allocations were given back: they stay, and count against quotas, until they end by themselves.`,
        look,
      );
    default:
      return advice('no_answer', `${where} has fallen silent at the step "${stepName(rung)}".`, look);
  }
}

function silentConnection(where: string): Advice {
  return advice(
    'no_answer',
    `${where} takes the connection but does not answer a Binding request: it is no STUN or TURN server, or it waits for a PROXY header first.`,
    "Check host and port. If a load balancer is meant to be in front of the server, use the load balancer's address.",
  );
}

function silentPort(where: string, port: number): Advice {
  return advice(
    'no_answer',
    `Nothing answers at ${where} over UDP: the server does not run or listens on another port, or a firewall drops the packets.`,
    `Check that the server runs and which port it listens on, and let UDP port ${port} through its firewall and its provider's. Networks that block UDP altogether need TURN over TCP or TLS.`,
  );
}

function strangeDatagram(stranger: ForeignDatagram, where: string): Advice {
  const what: Record<ForeignDatagram, string> = {
    echo: `An echo service answers at ${where}: it sends back what it gets.`,
    dns: `A DNS server answers at ${where}.`,
    sip: `A SIP server, for telephony, answers at ${where}.`,
    dtls: `${where} speaks DTLS, and was asked without.`,
    unknown: `Something that does not speak STUN answers at ${where}.`,
  };
  const fix =
    stranger === 'dtls'
      ? 'Use the port for plain UDP, 3478 by default; browsers do not speak DTLS to TURN servers.'
      : 'Check host and port: 3478 is the default of turn: and stun:.';
  return advice('not_stun', what[stranger], fix);
}

/** The same with where the server has been found to answer. */
export function withElsewhere(problem: Advice, found: readonly IceUrl[]): Advice {
  if (found.length === 0) return problem;
  const urls = found.map(formatIceUrl);
  const listed = urls.length < 2 ? urls.join('') : `${urls.slice(0, -1).join(', ')} or ${urls.at(-1)}`;
  const fix = `${problem.fix.slice(0, 1).toLowerCase()}${problem.fix.slice(1)}`;
  return { ...problem, fix: `The host does answer STUN elsewhere: try ${listed}. If that is not your server, ${fix}` };
}

function refused(rung: RungName, where: string): Advice {
  if (rung !== 'binding') {
    return advice(
      'refused',
      `${where} answered before; at this step the host says that nothing listens there over UDP any more: the server has stopped or restarted.`,
      "Look into the server's log for this moment, start it again, and check again.",
    );
  }
  return advice(
    'refused',
    `The host is there, but nothing listens at ${where} over UDP.`,
    'Start the server, let it listen on this very address, or correct the port; the default of turn: and stun: is 3478.',
  );
}

function connectionFailed(rung: RungName, error: TransportError, where: string, context: AdviceContext): Advice {
  if (rung === 'binding') return adviseOnForeignAnswer(error, context);
  return advice(
    'connection_lost',
    `The connection to ${where} was lost at the step "${stepName(rung)}" (${error.code}).`,
    "Look into the server's log for this moment: it may have stopped, or it or something on the way ends connections.",
  );
}

function integrityAdvice(rung: RungName, claimed: number | undefined, where: string): Advice {
  const what = claimed === undefined ? '' : ` They say ${claimed}, which cannot be trusted.`;
  return advice(
    'integrity',
    `The answers of ${where} at the step "${stepName(rung)}" are not signed with this password.${what} The server does not sign them, as some do not, or something on the way changes them.`,
    claimed === 401 ? 'Check username and password first.' : 'Update the server, or try from another network.',
  );
}
