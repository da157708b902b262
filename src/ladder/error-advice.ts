/** What the error codes of a TURN server mean at each step (RFC 8489 §14.8, RFC 8656 §19). Pure. */

import type { ErrorResponse } from '../client/request-failure.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { attributeName } from '../stun/protocol.ts';
import { type Advice, advice } from './advice.ts';
import { adviseOnWrongCredentials, credentialsMissing } from './credentials.ts';
import type { AdviceContext } from './request-advice.ts';
import { type RungName, stepName } from './rung.ts';

/** Explains an error response at a step. */
export function adviseOnErrorResponse(rung: RungName, response: ErrorResponse, context: AdviceContext): Advice {
  const { code, authenticated, alternateServer } = response;
  switch (code) {
    case 300:
      return advice(
        'try_alternate',
        `The server sends clients to ${alternateServer ? formatTransportAddress(alternateServer) : 'another server, which it does not name'} (300) where that is not to be expected.`,
        alternateServer
          ? 'Check that other server by its own URL.'
          : 'Look into the list of alternate servers of this one (coturn: alternate-server).',
      );
    case 400:
      return badRequest(rung, response, context);
    case 401:
      return authenticated ? adviseOnWrongCredentials(context.credentials, context.unixNow) : credentialsMissing;
    case 403:
      return forbidden(rung, context);
    case 420:
      return unknownAttributes(response);
    case 437:
      return advice(
        'allocation_mismatch',
        'The server sees an allocation where there should be none, or none where there should be one (437): it was restarted, or the way to it changes addresses.',
        'Try again. If it stays so, look for a load balancer that spreads one client over several servers.',
      );
    case 438:
      return advice('stale_nonce', 'The server calls the nonce stale (438).', 'Try again.');
    case 440:
      return advice(
        'family_not_supported',
        'The server does not relay this address family (440).',
        'Give it a relay address of this family, or use its URL with an address of the other one.',
      );
    case 441:
      return advice(
        'credentials_changed',
        'The server has an allocation of another user for this address and port (441).',
        'Use one username for everything on one socket.',
      );
    case 442:
      return advice(
        'transport_not_supported',
        'The server does not relay UDP (442).',
        'Switch UDP relaying on (coturn: take out no-udp-relay).',
      );
    case 443:
      return advice(
        'family_mismatch',
        `The address family of ${peerOf(context)} is not that of the allocation (443).`,
        'This is a bug of the server: both addresses are its own.',
      );
    case 486:
      return quotaReached(rung);
    case 500:
      return advice(
        'server_error',
        `The server failed at the step "${stepName(rung)}" (500).`,
        "Try again; if it stays so, look into the server's log for this moment.",
      );
    case 508:
      return noCapacity(rung);
    default:
      return advice(
        'error_response',
        `The server answered ${code} at the step "${stepName(rung)}".`,
        "Look into the server's log for this moment.",
      );
  }
}

function badRequest(rung: RungName, { authenticated }: ErrorResponse, { credentials }: AdviceContext): Advice {
  if (authenticated && /[\s'"\\]/.test(credentials?.username ?? '')) {
    return advice(
      'odd_credentials',
      'The server does not like the request that brings the credentials (400), and the username holds a blank, a quotation mark or a backslash: some servers, such as coturn, take no such username.',
      'Look whether that belongs to it or came in by copying; make usernames of letters, digits and signs such as - _ . and @.',
    );
  }
  return advice(
    'bad_request',
    `The server finds something wrong with the request at the step "${stepName(rung)}" (400).`,
    "Look into the server's log for what it did not like; if it accepts other clients, please report this.",
  );
}

function forbidden(rung: RungName, context: AdviceContext): Advice {
  if (rung === 'permission' || rung === 'channel') {
    return advice(
      'peer_forbidden',
      `The server does not let clients reach ${peerOf(context)} (403). Here that is one of its own relayed addresses, so two clients of this server could not meet.`,
      'If clients are meant to reach such addresses, allow them: relay.peers.allow in taciturn; in coturn allowed-peer-ip, or a narrower denied-peer-ip, and allow-loopback-peers for loopback.',
    );
  }
  return advice(
    'forbidden',
    'The server forbids this to this user or from this address (403).',
    "Look into the server's rules for users and client addresses; some servers also answer so when plain TCP or UDP is not allowed and only TLS is.",
  );
}

function unknownAttributes({ unknownAttributes = [] }: ErrorResponse): Advice {
  const names = unknownAttributes.map(attributeName).join(', ');
  return advice(
    'unknown_attribute',
    `The server does not know what every client of TURN sends (420${names === '' ? '' : `: ${names}`}).`,
    'Check host and port: it may be a STUN server only, or a very old one. Update it.',
  );
}

function quotaReached(rung: RungName): Advice {
  const needsTwo = rung === 'allocate-peer';
  return advice(
    'quota_reached',
    `The user, or the server as a whole, has as many allocations as are permitted (486)${needsTwo ? '; this check needs two at once' : ''}.`,
    'Raise the quota (taciturn: limits.allocationsPerUser, coturn: user-quota and total-quota), or wait until abandoned allocations end, at most ten minutes by default.',
  );
}

function noCapacity(rung: RungName): Advice {
  const first = rung === 'allocate-peer' ? ' There was room for one allocation, and this check needs two.' : '';
  return advice(
    'insufficient_capacity',
    `The server has no relay port or no capacity left (508).${first}`,
    'Widen its port range (taciturn: relay.ports, coturn: min-port to max-port), raise its limits, or look who uses it up.',
  );
}

function peerOf({ peer, server }: AdviceContext): string {
  return formatTransportAddress(peer ?? server);
}
