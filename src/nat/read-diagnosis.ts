import { failure, type Result, success } from '../client/result.ts';
import type { Diagnosis } from './report.ts';

/** Says what is wrong with a value, as the path to it and what it should be, or nothing. */
type Check = (value: unknown, path: string) => string | undefined;

const text: Check = (value, path) => (typeof value === 'string' ? undefined : `${path} must be text`);
const number: Check = (value, path) =>
  typeof value === 'number' && Number.isFinite(value) ? undefined : `${path} must be a number`;
const yesOrNo: Check = (value, path) => (typeof value === 'boolean' ? undefined : `${path} must be true or false`);

const behavior = oneOf('endpoint-independent', 'address-dependent', 'address-and-port-dependent');
const outcome = oneOf('direct', 'relay', 'uncertain');
const confidence = oneOf('high', 'medium', 'low');
const transport = oneOf('udp', 'tcp', 'tls');

const family = object({
  udp: finding(oneOf('works', 'blocked', 'rejected', 'no-address', 'no-route')),
  local: orNull(text),
  mapped: listOf(text),
  translated: finding(yesOrNo),
  mapping: finding(behavior),
  endpointIndependent: optional(finding(yesOrNo)),
  filtering: finding(behavior),
  classicName: orNull(
    oneOf('open internet', 'symmetric firewall', 'full cone', 'restricted cone', 'port-restricted cone', 'symmetric'),
  ),
  stable: finding(yesOrNo),
  unsolicitedKeepsMapping: optional(finding(yesOrNo)),
  pooling: finding(yesOrNo),
  ports: finding(
    object({
      allocation: oneOf('preserving', 'sequential', 'block', 'random'),
      parityPreserved: yesOrNo,
      step: orNull(number),
      span: number,
    }),
  ),
  lifetime: finding(object({ aliveAfterSeconds: number, goneAfterSeconds: orNull(number) })),
  hairpin: finding(yesOrNo),
  fragments: finding(yesOrNo),
  rewriting: finding(yesOrNo),
});

const diagnosis = object({
  startedAt: text,
  elapsedMs: number,
  verdict: object({
    relay: oneOf('not-needed', 'sometimes', 'needed', 'unknown'),
    confidence,
    sentence: text,
    reasons: listOf(text),
    advice: listOf(text),
    relayTransports: listOf(transport),
    peers: object({
      public: outcome,
      'full-cone': outcome,
      'restricted-cone': outcome,
      'port-restricted-cone': outcome,
      symmetric: outcome,
    }),
  }),
  servers: listOf(
    object({
      server: text,
      addresses: listOf(text),
      qualification: finding(oneOf('rfc5780', 'plain')),
      roundTripMs: orNull(number),
      notes: listOf(text),
    }),
  ),
  ipv4: family,
  ipv6: family,
  nat64: finding(object({ prefix: orNull(text) })),
  gateway: finding(
    object({
      address: orNull(text),
      protocol: orNull(oneOf('nat-pmp', 'pcp', 'upnp')),
      wanAddress: orNull(text),
      nats: oneOf('none', 'one', 'two-or-more', 'unknown'),
      carrierNat: orNull(yesOrNo),
    }),
  ),
  interfaces: listOf(
    object({
      name: text,
      addresses: listOf(text),
      kind: oneOf('ethernet', 'wireless', 'vpn', 'virtual', 'other'),
      isDefault: yesOrNo,
    }),
  ),
  transports: listOf(
    object({
      family: oneOf('ipv4', 'ipv6'),
      transport,
      server: text,
      port: number,
      outcome: oneOf('open', 'rejected', 'dropped', 'intercepted', 'no-route', 'not-tested'),
      detail: text,
      elapsedMs: number,
    }),
  ),
  captivePortal: finding(object({ captured: yesOrNo })),
});

/**
 * Reads the JSON document of a diagnosis, as `taciturn diagnose --json` writes it.
 *
 * @returns the diagnosis, or a sentence that says why the text is none and what to do.
 */
export function readDiagnosis(content: string): Result<Diagnosis, string> {
  const again = 'Write it with: taciturn diagnose --json > FILE';
  if (content.trim() === '') return failure(`It is empty. ${again}`);
  let document: unknown;
  try {
    document = JSON.parse(content.replace(/^\ufeff/, ''));
  } catch {
    return failure(`It is no JSON document. ${again}`);
  }
  if (!isRecord(document) || document.kind !== 'diagnosis') {
    if (isRecord(document) && isRecord(document.error)) {
      return failure(`It holds the error message of a diagnosis that failed. ${again}`);
    }
    return failure(`It is JSON, but no diagnosis. ${again}`);
  }
  if (document.schema !== 1) {
    return failure(
      'It is a diagnosis in a form that this version does not know. Use one version of taciturn for both.',
    );
  }
  const wrong = diagnosis(document, '');
  if (wrong !== undefined) return failure(`It is a diagnosis, but damaged: ${wrong}. ${again}`);
  return success(document as unknown as Diagnosis);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function oneOf(...values: readonly string[]): Check {
  return (value, path) =>
    typeof value === 'string' && values.includes(value) ? undefined : `${path} must be one of ${values.join(', ')}`;
}

function orNull(check: Check): Check {
  return (value, path) => (value === null ? undefined : check(value, path));
}

function optional(check: Check): Check {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} must be a list`;
    return first(value.map((item, i) => () => check(item, `${path}[${i}]`)));
  };
}

function object(members: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    const inside = (key: string) => (path === '' ? key : `${path}.${key}`);
    return first(
      Object.entries(members).map(([key, check]) => () => {
        return Object.hasOwn(value, key) || check(undefined, '') === undefined
          ? check(value[key], inside(key))
          : `${inside(key)} is missing`;
      }),
    );
  };
}

function finding(check: Check): Check {
  const found = object({ state: text, value: check, confidence, evidence: text, elapsedMs: number });
  const notFound = object({ state: oneOf('unknown', 'not-tested'), why: text });
  return (value, path) => (isRecord(value) && value.state === 'found' ? found(value, path) : notFound(value, path));
}

/** The first complaint, if there is any. */
function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const wrong = check();
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
