/** What a failed step of using a TURN server means, and what to do about it. Pure. */
import { parseTimeLimitedUsername } from '../credentials/time-limited-username.ts';
import { formatTransportAddress, type IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { PeerPolicy } from '../turn/peer-policy.ts';
import { adviseOnForeignAnswer, noRoute } from './connection-advice.ts';
import type { ResolutionError } from './host-resolution.ts';
import type { IceUrl } from './ice-url.ts';
import type { ErrorResponse, RequestFailure } from './request-failure.ts';
import { type Advice, advice, type RungName } from './rung.ts';
import type { TransportError } from './transport-error.ts';

/** Where the credentials of a check came from: it decides what can be wrong with them. */
export type CredentialSource = 'password' | 'shared-secret';

export interface AdviceContext {
  /** The server, or the peer where the step is about one. */
  readonly about: TransportAddress;
  readonly url: IceUrl;
  readonly username?: string | undefined;
  readonly source?: CredentialSource | undefined;
  readonly unixNow: number;
}

export function adviseOnResolution(host: string, { code }: ResolutionError): Advice {
  if (code === 'EAI_AGAIN') {
    return advice(
      'dns_unavailable',
      `No DNS server answered when asked for ${host}.`,
      'Check the network connection and the DNS settings of this machine.',
    );
  }
  return advice(
    'name_not_found',
    `The name ${host} does not resolve to an address (${code}).`,
    'Check its spelling, and that it has an A or AAAA record.',
  );
}

/** Packets that were sent through the relay and how many came back; `undefined` when all did. */
export function adviseOnEcho(sent: number, received: number): Advice | undefined {
  if (received === sent) return undefined;
  if (received === 0) {
    return advice(
      'relay_silent',
      'The server gave relayed addresses, but nothing that is sent to them arrives.',
      "Open the server's relay ports for UDP in its firewall and its provider's (taciturn: relay.ports, coturn: min-port to max-port). Behind a 1:1 NAT, a server that does not deliver between its own relayed addresses needs hairpinning there.",
    );
  }
  return advice(
    'packets_lost',
    `${sent - received} of ${sent} packets were lost on the way through the relay.`,
    'Try again; if it stays so, the path to the server or the server itself is overloaded.',
  );
}

export const openRelayWarning: Advice = advice(
  'open_relay',
  'The server relays for anybody, without credentials.',
  'Switch on authentication (coturn: lt-cred-mech or use-auth-secret), or strangers will use it, and reach what it can reach.',
);

const onlyDefaults = new PeerPolicy({ allow: [], deny: [] });

/** A warning when a relayed address cannot be reached from the Internet. */
export function relayedAddressWarning(relayed: IpAddress, server: IpAddress): Advice | undefined {
  if (onlyDefaults.judge(relayed).reachable) return undefined;
  const family = relayed.family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6';
  const local = onlyDefaults.judge(server).reachable ? '' : ' That is fine as long as all peers are there too.';
  if (relayed.text === '::1' || relayed.text.startsWith('127.')) {
    return advice(
      'relayed_address_loopback',
      `The relayed address ${relayed.text} is a loopback address: only programs on the server's own machine reach it.${local}`,
      `Set the address to relay from: relay.${family}.address in taciturn, relay-ip in coturn.`,
    );
  }
  return advice(
    'relayed_address_private',
    `The relayed address ${relayed.text} is not public: peers elsewhere cannot reach it.${local}`,
    `If the server is behind a NAT, tell it its public address: relay.${family}.external in taciturn, external-ip in coturn.`,
  );
}

/** Explains why a request failed at a step. */
export function adviseOnRequest(rung: RungName, failure: RequestFailure, context: AdviceContext): Advice {
  const where = formatTransportAddress(context.about);
  switch (failure.kind) {
    case 'timeout':
      return silence(rung, where, context);
    case 'unreachable':
      return failure.code === 'ECONNREFUSED' ? refused(where) : noRoute(where, failure.code);
    case 'connection-failed':
      return connectionFailed(rung, failure.error, where, context);
    case 'error-response':
      return errorAdvice(rung, failure, context);
    case 'integrity-violated':
      return integrityAdvice(rung, failure.claimed?.code, context);
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
        'The server calls every nonce stale as soon as it is used (438).',
        'If several servers share this name behind a load balancer, send one client always to the same of them. Otherwise look whether the client arrives there from changing addresses or ports.',
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

function silence(rung: RungName, where: string, { about, url }: AdviceContext): Advice {
  if (rung === 'binding' && url.transport === 'tcp') {
    return advice(
      'no_answer',
      `${where} takes the connection but does not answer a Binding request: it is no STUN or TURN server, or it waits for a PROXY header first.`,
      "Check host and port. If a load balancer is meant to be in front of the server, use the load balancer's address.",
    );
  }
  if (rung === 'binding') {
    const { port } = about;
    return advice(
      'no_answer',
      `Nothing answers at ${where} over UDP: the server does not run or listens on another port, or a firewall drops the packets.`,
      `Check that the server runs and which port it listens on, and let UDP port ${port} through its firewall and its provider's. Networks that block UDP altogether need TURN over TCP or TLS.`,
    );
  }
  if (rung === 'challenge') {
    return advice(
      'no_answer',
      `${where} answers Binding but not Allocate: it is a STUN server only, or it has stopped to answer this address.`,
      'Switch TURN on (coturn: take out stun-only), or wait a minute and look whether the server limits requests by source.',
    );
  }
  return advice(
    'no_answer',
    `The server answered before and has fallen silent at this step (${where}).`,
    "Look into the server's log for this moment: it may have stopped, or packets are being lost.",
  );
}

function refused(where: string): Advice {
  return advice(
    'refused',
    `The host is there, but nothing listens at ${where} over UDP.`,
    'Start the server, or correct the port; the default of turn: and stun: is 3478.',
  );
}

function connectionFailed(rung: RungName, error: TransportError, where: string, context: AdviceContext): Advice {
  if (rung === 'binding') return adviseOnForeignAnswer(error, { ...context, server: context.about });
  return advice(
    'connection_lost',
    `The connection to the server was lost at this step (${where}, ${error.code}).`,
    "Look into the server's log for this moment: it may have stopped, or it or something on the way ends connections.",
  );
}

function errorAdvice(
  rung: RungName,
  { code, authenticated, alternateServer }: ErrorResponse,
  context: AdviceContext,
): Advice {
  const peer = formatTransportAddress(context.about);
  switch (code) {
    case 300:
      return advice(
        'try_alternate',
        `The server sends clients to ${alternateServer ? formatTransportAddress(alternateServer) : 'another server'} (300), which this check does not follow.`,
        'Check that other server by its own URL.',
      );
    case 401:
      return authenticated ? wrongCredentials(context) : noCredentials();
    case 403:
      return rung === 'permission' || rung === 'channel'
        ? advice(
            'peer_forbidden',
            `The server does not let clients reach ${peer} (403). Here that is one of its own relayed addresses, so two clients of this server could not meet.`,
            `If clients are meant to reach such addresses, allow them: relay.peers.allow in taciturn; allowed-peer-ip in coturn, and allow-loopback-peers for loopback.`,
          )
        : advice(
            'forbidden',
            'The server forbids this to this user or from this address (403).',
            "Look into the server's rules for users and client addresses.",
          );
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
        `The address family of ${peer} is not that of the allocation (443).`,
        'This is a bug of the server: both addresses are its own.',
      );
    case 486:
      return advice(
        'quota_reached',
        `The user has as many allocations as the server permits (486)${rung === 'allocate-peer' ? '; this check needs two' : ''}.`,
        'Raise the quota per user (coturn: user-quota), or wait until abandoned allocations end, at most ten minutes by default.',
      );
    case 508:
      return advice(
        'insufficient_capacity',
        'The server has no relay port or no capacity left (508).',
        'Widen its port range (taciturn: relay.ports, coturn: min-port to max-port), raise its limits, or look who uses it up.',
      );
    default:
      return advice(
        'error_response',
        `The server answered ${code} at the step "${rung}".`,
        "Look into the server's log for this moment.",
      );
  }
}

function noCredentials(): Advice {
  return advice(
    'credentials_missing',
    'The server asks for credentials, and none were given (401).',
    'Give --secret-file for a shared secret, or --username with --password-file.',
  );
}

function wrongCredentials({ username = '', source, unixNow }: AdviceContext): Advice {
  if (source === 'shared-secret') {
    return advice(
      'wrong_secret',
      'The server refused a credential that was just made from the shared secret (401): its secret is another one, or its clock is ahead by more than the ten minutes that the credential is good for.',
      "Compare the secret with the server's (coturn: static-auth-secret with use-auth-secret), and the server's clock with this one's.",
    );
  }
  const expiresAt = parseTimeLimitedUsername(username)?.expiresAt;
  if (expiresAt !== undefined && expiresAt <= unixNow) {
    return advice(
      'credentials_expired',
      `The username says that it expired at ${isoTime(expiresAt)}, and the server refused it (401).`,
      'Get a fresh credential. If that time is still to come for you, this clock is wrong.',
    );
  }
  if (expiresAt !== undefined) {
    return advice(
      'wrong_credentials',
      'The server refused the credential although it has not expired (401): the password does not belong to exactly this username, it was made with another secret, or the clock of the server is ahead.',
      "Copy both anew, compare the secret of whoever issues them with the server's, and compare the clocks.",
    );
  }
  return advice(
    'wrong_credentials',
    'The server refused the username or the password (401).',
    'Check both. If the server uses a shared secret, give that with --secret-file.',
  );
}

function integrityAdvice(rung: RungName, claimed: number | undefined, context: AdviceContext): Advice {
  const where = formatTransportAddress(context.about);
  const what = claimed === undefined ? '' : ` They say ${claimed}, which cannot be trusted.`;
  return advice(
    'integrity',
    `The answers at the step "${rung}" (${where}) are not signed with this password.${what} The server does not sign them, as some do not, or something on the way changes them.`,
    claimed === 401 ? 'Check username and password first.' : 'Update the server, or try from another network.',
  );
}

function isoTime(unixSeconds: number): string {
  // Usernames come from people: what no date can hold is shown as the number it is.
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? String(unixSeconds) : date.toISOString().replace('.000Z', 'Z');
}
