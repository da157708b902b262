import { type AllocateOptions, writeAllocate } from '../client/allocate-request.ts';
import { LongTermAuthentication, type LongTermCredentials } from '../client/long-term-authentication.ts';
import { describeFailure, type RequestFailure } from '../client/request-failure.ts';
import { errorResponse } from '../client/stun-client.ts';
import { describeTransportError } from '../client/transport-error.ts';
import type { TurnClient } from '../client/turn-client.ts';
import type { Advice } from '../ladder/advice.ts';
import { writeLifetime } from '../stun/attributes/allocation.ts';
import { AddressFamily, ErrorCode, MessageClass, Method } from '../stun/protocol.ts';
import type { SecurityDependencies } from './dependencies.ts';
import type { SecurityFinding } from './report.ts';

/** Whether it relays for anybody: without credentials, and with some that nobody has been given. */
export async function anonymousRelay({ open, random }: SecurityDependencies): Promise<SecurityFinding[]> {
  const what = 'without credentials';
  const outcome = await onConnection(open, withoutCredentials);
  if (outcome === 'granted') return [granted(what, openRelay)];
  if (typeof outcome === 'string') return [untried(what, outcome)];
  const findings = [refused(what, outcome)];
  for (const { name, credentials, advice } of inventedCredentials(random)) {
    // Each on a connection of its own: coturn takes a second user on the same one for a mistake (437), whoever it is.
    const answer = await onConnection(open, (client) => withInvented(client, credentials));
    if (answer === 'granted') findings.push(granted(name, advice));
    else findings.push(typeof answer === 'number' ? refused(name, answer) : untried(name, answer));
  }
  return findings;
}

/** Whether a relay was given: `granted`, the error code that refuses it, or a sentence on why neither was found out. */
type Outcome = 'granted' | number | string;

async function onConnection(
  open: SecurityDependencies['open'],
  use: (client: TurnClient) => Promise<Outcome>,
): Promise<Outcome> {
  const opened = await open(undefined);
  if (!opened.ok) return describeTransportError(opened.error);
  const outcome = await use(opened.value);
  opened.value.close();
  return outcome;
}

async function withoutCredentials(client: TurnClient): Promise<Outcome> {
  const answer = await client.challenge(allocateOptions(client));
  if (!answer.ok) return refusalOr(answer.error);
  if (answer.value.kind === 'challenged') return ErrorCode.unauthenticated;
  // Left behind, it would be there for ten minutes more.
  await answer.value.allocation.close();
  return 'granted';
}

async function withInvented(client: TurnClient, credentials: LongTermCredentials): Promise<Outcome> {
  const options = allocateOptions(client);
  const challenged = await client.challenge(options);
  if (!challenged.ok) return refusalOr(challenged.error);
  if (challenged.value.kind === 'open') {
    await challenged.value.allocation.close();
    return 'granted';
  }
  const authentication = new LongTermAuthentication(credentials, challenged.value.challenge);
  // Not by the client itself, which takes no answer that is not signed with the password: here it matters what the server did.
  const answer = await client.stun.request(client.server, Method.allocate, (writer) => {
    writeAllocate(writer, options);
    authentication.sign(writer);
  });
  if (!answer.ok) return describeFailure(answer.error);
  const { message } = answer.value;
  if (message.messageClass === MessageClass.error) return refusalOr(errorResponse(message, true));
  await client.stun.request(client.server, Method.refresh, (writer) => {
    writeLifetime(writer, 0);
    authentication.sign(writer);
  });
  return 'granted';
}

/** Others, such as 486, come after the credentials were found good, or have nothing to do with them. */
const refusals: ReadonlySet<number> = new Set([
  ErrorCode.badRequest,
  ErrorCode.unauthenticated,
  ErrorCode.forbidden,
  ErrorCode.wrongCredentials,
]);

function refusalOr(error: RequestFailure): Outcome {
  return error.kind === 'error-response' && refusals.has(error.code) ? error.code : describeFailure(error);
}

interface InventedCredentials {
  readonly name: string;
  readonly credentials: LongTermCredentials;
  readonly advice: Advice;
}

function inventedCredentials(random: (bytes: number) => Buffer): InventedCredentials[] {
  const invented = () => random(9).toString('base64url');
  return [
    {
      name: 'with an invented user and password',
      credentials: { username: invented(), password: invented() },
      advice: anyCredentials,
    },
    // What a server in JavaScript finds that keeps its users in a plain object.
    {
      name: 'with the user "constructor"',
      credentials: { username: 'constructor', password: String(Object) },
      advice: inheritedUser,
    },
  ];
}

/** An IPv6 server may not relay IPv4, which is what a request without a family asks for. */
function allocateOptions({ server }: TurnClient): AllocateOptions {
  return server.ip.family === AddressFamily.ipv6 ? { addressFamily: AddressFamily.ipv6 } : {};
}

function granted(what: string, advice: Advice): SecurityFinding {
  return {
    subject: 'anonymous-relay',
    state: 'unsafe',
    detail: `${what}: a relay is given`,
    facts: facts(what, 'granted'),
    advice,
  };
}

function refused(what: string, code: number): SecurityFinding {
  return { subject: 'anonymous-relay', state: 'safe', detail: `${what}: refused (${code})`, facts: facts(what, code) };
}

function untried(what: string, why: string): SecurityFinding {
  return {
    subject: 'anonymous-relay',
    state: 'not-tested',
    detail: `${what}: ${why}`,
    facts: facts(what, why),
    advice: {
      code: 'not_tried',
      cause: `Whether the server relays for anybody was not found out: ${why}.`,
      fix: 'See to it that the server can be reached, as the steps of the check show it, and try again.',
    },
  };
}

function facts(what: string, answer: string | number): SecurityFinding['facts'] {
  return { request: `allocate ${what}`, answer };
}

const openRelay: Advice = {
  code: 'open_relay',
  cause:
    'The server relays for anybody, without credentials: strangers use its bandwidth and its address, and reach what it can reach.',
  fix: 'Switch on authentication: with coturn lt-cred-mech or use-auth-secret, and no no-auth. taciturn always asks for credentials.',
};

const anyCredentials: Advice = {
  code: 'any_credentials',
  cause: 'The server takes credentials that nobody has been given: it asks for a password and does not look at it.',
  fix: 'Configure its users or its shared secret. If it has them, the server does not check them: use another one.',
};

const inheritedUser: Advice = {
  code: 'inherited_user',
  cause:
    'The server takes "constructor" for a user, as a server in JavaScript does that looks users up in a plain object: anybody gets a relay.',
  fix: 'Update the server, or use another one; node-turn up to 0.0.6 has this hole.',
};
