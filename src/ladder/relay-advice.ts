/** What can be wrong with a relayed address, and with what is relayed. Pure. */
import { formatTransportAddress, type IpAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { PeerPolicy } from '../turn/peer-policy.ts';
import { type Advice, advice } from './advice.ts';
import { inWords } from './credentials.ts';
import { type RungName, stepName } from './rung.ts';

export const openRelayWarning: Advice = advice(
  'open_relay',
  'The server relays for anybody, without credentials.',
  'Switch on authentication (coturn: lt-cred-mech or use-auth-secret), or strangers will use it, and reach what it can reach.',
);

export const emptyRealmWarning: Advice = advice(
  'empty_realm',
  'The realm of the server is empty; some clients refuse to authenticate then.',
  'Give it one, usually its domain (taciturn: realm, coturn: realm).',
);

/** A shorter allocation is refreshed so often that one lost request ends it. */
const SHORT_LIFETIME_SECONDS = 60;

/** Where a relayed address came from. */
export interface RelayedContext {
  readonly server: IpAddress;
  /** The client's address as the server sees it. */
  readonly mapped: IpAddress;
}

const onlyDefaults = new PeerPolicy({ allow: [], deny: [] });

/** What is to be said about an allocation that was granted. */
export function allocationWarnings(
  relayed: TransportAddress,
  lifetimeSeconds: number,
  context: RelayedContext,
): readonly Advice[] {
  const about = relayedAddressWarning(relayed, context);
  return [
    ...(about ? [about] : []),
    ...(lifetimeSeconds < SHORT_LIFETIME_SECONDS ? [shortLifetime(lifetimeSeconds)] : []),
  ];
}

function shortLifetime(seconds: number): Advice {
  return advice(
    'short_lifetime',
    `Allocations live for ${inWords(seconds)} only: every client has to refresh its own several times a minute, and loses it when a few packets are lost.`,
    'Let the server grant ten minutes, the default (taciturn: relay.lifetime, coturn: max-allocate-lifetime).',
  );
}

/** A warning when peers cannot reach a relayed address. */
function relayedAddressWarning({ ip }: TransportAddress, { server, mapped }: RelayedContext): Advice | undefined {
  const family = ip.family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6';
  const external = `relay.${family}.external in taciturn, external-ip in coturn`;
  if (ip.text === '0.0.0.0' || ip.text === '::') {
    return advice(
      'relayed_address_unspecified',
      `The relayed address ${ip.text} is no address: nobody can send to it.`,
      `Tell the server the address that it relays from: ${external}.`,
    );
  }
  if (sameAddress(ip, mapped) && !sameAddress(ip, server)) {
    return advice(
      'relayed_address_yours',
      `The relayed address ${ip.text} is your own: what peers send there arrives at your network and not at the server ${server.text}.`,
      `Tell the server its own public address: ${external}. If the server is in your network and you have reached it by its inner address, all is well.`,
    );
  }
  if (onlyDefaults.judge(ip).reachable) return otherFamily(ip, server);
  const isLocal = !onlyDefaults.judge(server).reachable;
  if (ip.text === '::1' || ip.text.startsWith('127.')) {
    return advice(
      'relayed_address_loopback',
      `The relayed address ${ip.text} is a loopback address: only programs on the server's own machine reach it.${isLocal ? ' That is fine as long as all peers are there too.' : ''}`,
      `Set the address to relay from: relay.${family}.address in taciturn, relay-ip in coturn.`,
    );
  }
  return advice(
    'relayed_address_private',
    `The relayed address ${ip.text} is not public: peers elsewhere cannot reach it.${isLocal ? ' That is fine as long as all peers are in its network.' : ''}`,
    `If the server is behind a NAT, tell it its public address: ${external}.`,
  );
}

function otherFamily(relayed: IpAddress, server: IpAddress): Advice | undefined {
  if (relayed.family === server.family) return undefined;
  return advice(
    'relayed_address_family',
    `The relayed address ${relayed.text} is of another family than the server ${server.text}: only peers with ${relayed.family === AddressFamily.ipv4 ? 'IPv4' : 'IPv6'} can send to it.`,
    'That is fine where all peers have it. Else let the server relay both families, and clients ask for the one they need.',
  );
}

/** Packets that were sent through the relay and how many came back; `undefined` when all did. */
export function adviseOnEcho(
  sent: number,
  received: number,
  relayed: IpAddress,
  server: IpAddress,
): Advice | undefined {
  if (received === sent) return undefined;
  if (received === 0) {
    const elsewhere = sameAddress(relayed, server)
      ? ''
      : ` They are at ${relayed.text}, and the server answers at ${server.text}: the first may be wrong.`;
    return advice(
      'relay_silent',
      `The server gave relayed addresses, but nothing that is sent to them arrives.${elsewhere}`,
      `Open the server's relay ports for UDP in its firewall and its provider's (taciturn: relay.ports, coturn: min-port to max-port)${elsewhere ? ', and check the public address that it was given (taciturn: relay.ipv4.external, coturn: external-ip)' : ''}. Behind a 1:1 NAT, a server that does not deliver between its own relayed addresses needs hairpinning there.`,
    );
  }
  return advice(
    'packets_lost',
    `${sent - received} of ${sent} packets were lost on the way through the relay.`,
    'Try again; if it stays so, the path to the server or the server itself is overloaded.',
  );
}

/** Whether warnings about a relayed address tell already why what is sent to it from outside does not arrive. */
export function explainsUnreachable(warnings: readonly Advice[], server: IpAddress): boolean {
  const isPublic = onlyDefaults.judge(server).reachable;
  return warnings.some(
    ({ code }) =>
      code.startsWith('relayed_address') &&
      // Where the server itself is in a private network, a private address is what is to be expected, and is to be reached.
      (code !== 'relayed_address_private' || isPublic),
  );
}

/** Whether peers elsewhere surely do not reach a relayed address, by the warnings about it. */
export function keepsPeersAway(warnings: readonly Advice[], server: IpAddress): boolean {
  const codes = new Set(warnings.map(({ code }) => code));
  if (codes.has('relayed_address_unspecified')) return true;
  // Where the server itself is in a private network, its peers may be there too.
  const isPublic = onlyDefaults.judge(server).reachable;
  return isPublic && ['private', 'loopback', 'yours'].some((what) => codes.has(`relayed_address_${what}`));
}

/**
 * Whether something before the server puts another address in place of those of its clients, as some load balancers do: it sees a private
 * one, while it relays from a public one.
 */
export function hidesClients(mapped: IpAddress, relayed: IpAddress): boolean {
  return onlyDefaults.judge(relayed).reachable && !onlyDefaults.judge(mapped).reachable;
}

/** A packet that was sent straight to a relayed address, as a peer would send it, did not arrive. */
export function unreachableWarning(relayed: TransportAddress): Advice {
  return advice(
    'relayed_address_unreachable',
    `Two clients of this server reach each other, but what this machine sends straight to ${formatTransportAddress(relayed)} does not arrive: a peer that is no client of the server will not reach it either.`,
    "Check the public address that the server was given (taciturn: relay.ipv4.external, coturn: external-ip), and open its relay ports for UDP in its firewall and its provider's. If this machine is in the server's own network, check again from outside.",
  );
}

/** An answer that takes longer is noticed in a call. */
const SLOW_MS = 500;

/** A warning when a step was slow; `undefined` when it was not. */
export function slownessWarning(rung: RungName, slowestMs: number, mostSends: number): Advice | undefined {
  const ms = Math.round(slowestMs);
  if (slowestMs > SLOW_MS) {
    const again = mostSends > 1 ? `, after it was asked ${mostSends} times` : '';
    return advice(
      'slow_answers',
      `The server took ${ms} ms to answer at the step "${stepName(rung)}"${again}. If relayed packets take as long, people in a call will talk into each other.`,
      'Use a server that is nearer, and look whether this one is overloaded; check again from another network to tell the two apart.',
    );
  }
  if (mostSends < 2) return undefined;
  return advice(
    'slow_answers',
    `At the step "${stepName(rung)}" the server answered only when it was asked ${mostSends} times, ${ms} ms after the first: packets get lost on the way. In a call that is heard as gaps and seen as frozen pictures.`,
    'Check again, also by cable and from another network. If it stays so, look at the load of the server; TURN over TCP hides the loss, at the price of delay.',
  );
}
