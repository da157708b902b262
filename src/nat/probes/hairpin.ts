import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../stun/message.ts';
import { MessageClass, Method } from '../../stun/protocol.ts';
import type { Behavior } from '../behavior.ts';
import { type Finding, unknown } from '../finding.ts';
import { twice } from '../servers/alternates.ts';
import type { Path, ProbeSocket } from './path.ts';
import { probeRetransmission } from './probe-retransmission.ts';

/**
 * Whether two hosts behind this NAT reach each other at their outside addresses (RFC 4787 §6). Two sockets send to each other
 * as peers do, so that a filter lets them in; some firewalls take it for an attack.
 */
export async function findHairpin(
  path: Path,
  server: { readonly primary: TransportAddress; readonly roundTripMs: number },
  mapping: Behavior | undefined,
): Promise<Finding<boolean>> {
  const startedAt = path.now();
  const outcomes = await twice(path, () => tryHairpin(path, server));
  const elapsedMs = path.now() - startedAt;
  const [first, second] = outcomes;
  const confidence = first?.passed === second?.passed ? 'high' : 'medium';
  const passed = outcomes.find((outcome) => outcome?.passed);
  if (passed) {
    const evidence = `A packet to the outside address ${formatTransportAddress(passed.to)} came back in.`;
    return { state: 'found', value: true, confidence, evidence, elapsedMs };
  }
  if (!first || !second) return unknown('The outside addresses of two sockets could not be learnt.');
  if (mapping !== 'endpoint-independent') {
    return unknown(
      'Each destination gets a port of its own, so where to send is not known, and that nothing came means nothing.',
    );
  }
  const evidence = `Nothing that was sent to the outside address ${formatTransportAddress(first.to)} came back in.`;
  return { state: 'found', value: false, confidence, evidence, elapsedMs };
}

interface Attempt {
  readonly passed: boolean;
  readonly to: TransportAddress;
}

async function tryHairpin(
  path: Path,
  server: { readonly primary: TransportAddress; readonly roundTripMs: number },
): Promise<Attempt | undefined> {
  const [a, b] = [await path.open(), await path.open()];
  if (!a.ok || !b.ok) return undefined;
  const sockets = [a.value, b.value] as const;
  const attempt = await exchange(sockets, server);
  for (const socket of sockets) socket.close();
  return attempt;
}

async function exchange(
  [a, b]: readonly [ProbeSocket, ProbeSocket],
  { primary, roundTripMs }: { readonly primary: TransportAddress; readonly roundTripMs: number },
): Promise<Attempt | undefined> {
  const [mappedA, mappedB] = await Promise.all([
    a.askPlainly(primary, { roundTripMs }),
    b.askPlainly(primary, { roundTripMs }),
  ]);
  if (!mappedA.ok || !mappedB.ok) return undefined;
  const to = mappedA.value.mappedAddress;
  const retransmission = probeRetransmission(roundTripMs);
  const heard = new Promise<boolean>((resolve) => {
    for (const socket of [a, b]) socket.client.onOther = (bytes) => isBindingRequest(bytes) && resolve(true);
  });
  // Nobody answers these requests, so they are sent four times each and then time out.
  const over = Promise.all([
    a.ask(mappedB.value.mappedAddress, { retransmission, attempts: 1 }),
    b.ask(to, { retransmission, attempts: 1 }),
  ]).then(() => false);
  const passed = await Promise.race([heard, over]);
  if (passed) return { passed, to };
  const stillAnswers = await a.askPlainly(primary, { roundTripMs });
  return stillAnswers.ok ? { passed, to } : undefined;
}

function isBindingRequest(bytes: Buffer): boolean {
  const message = new StunMessage();
  return (
    message.read(bytes, 0, bytes.length) === ReadResult.ok &&
    message.messageClass === MessageClass.request &&
    message.method === Method.binding
  );
}
