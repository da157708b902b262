import type { TransportError } from '../../client/transport-error.ts';
import { ExitCode } from '../command-context.ts';
import { CommandFailure } from '../command-failure.ts';
import type { GivenApiKey } from './api-key-input.ts';

/** Why no connection came about. */
export function connectionFailure({ origin, hostname }: URL, { kind, code }: TransportError): CommandFailure {
  if (kind === 'refused') {
    return failure(
      'no_server',
      `Nothing listens at ${origin}. Start the server with taciturn serve; if its HTTP service is elsewhere, name it with --url, or the configuration of the server with --config.`,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return failure('unknown_host', `There is no address for the name ${hostname} (${code}). Is it spelled right?`);
  }
  if (kind === 'timed-out') {
    return failure(
      'timed_out',
      `${origin} does not answer. Is the address right, and does a firewall let you through?`,
    );
  }
  if (kind === 'unreachable') {
    return failure('unreachable', `No way leads from here to ${origin} (${code}). Is the address right?`);
  }
  return failure('no_connection', `There is no connection to ${origin} (${code}).`);
}

/** Why the TLS handshake failed. */
export function tlsFailure({ origin, host }: URL, { kind, code }: TransportError): CommandFailure {
  if (kind === 'not-tls' || kind === 'tls-closed') {
    return failure(
      'not_tls',
      `${origin} does not speak TLS (${code}). If the HTTP service has no certificate, its URL is http://${host}.`,
    );
  }
  return failure(
    'tls_refused',
    `The TLS handshake with ${origin} failed (${code}). Does a proxy in between refuse it?`,
  );
}

/** Why the certificate is none to send an API key to. */
export function untrustedCertificate({ origin, hostname }: URL, { kind, code }: TransportError): CommandFailure {
  const [why, fix] = certificateProblem(kind, hostname) ?? [
    `nobody who is trusted here has signed it (${code})`,
    'give the certificate of whoever has signed it with --ca FILE',
  ];
  return failure(
    'untrusted_certificate',
    `The certificate of ${origin} is not accepted: ${why}. The API key was not sent. What to do: ${fix}.`,
  );
}

/** Why an open connection brought no answer. */
export function brokenExchange({ origin, protocol, host }: URL, timedOut: boolean): CommandFailure {
  if (timedOut) {
    return failure('timed_out', `${origin} took the request and does not answer; the log of the server may say why.`);
  }
  const hint =
    protocol === 'http:' ? ` If the service has a certificate (http.certificateFile), its URL is https://${host}.` : '';
  return failure('no_answer', `${origin} closed the connection without a valid answer.${hint}`);
}

/** What answers is something else. */
export function notTaciturn(url: string, status: number): CommandFailure {
  return failure(
    'not_taciturn',
    `What answers at ${url} (HTTP ${status}) is no HTTP service of taciturn, or one of another version. Check --url, and that server and command are of the same version.`,
  );
}

export interface RefusingAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** In seconds. */
  readonly retryAfter?: string;
  readonly problems?: readonly string[];
}

/** An error that the service has answered with. */
export function refusal({ origin }: URL, { where }: GivenApiKey, answer: RefusingAnswer): CommandFailure {
  const { status, code, message, retryAfter, problems } = answer;
  const later = retryAfter === undefined ? 'a little later' : `in ${retryAfter} s`;
  switch (status) {
    case 401:
      return failure(
        code,
        `The server at ${origin} does not accept the API key in ${where}: it is wrong, was revoked, or belongs to another server. taciturn keys list shows the ids that there are.`,
      );
    case 403:
      return failure(
        code,
        code === 'insufficient_scope'
          ? `${message} Make a key that has it: taciturn keys create --name operator --scope read --scope admin`
          : message,
      );
    case 422:
      return refusedReload(code, message, problems);
    case 429:
      return failure(code, `${message} Try again ${later}.`);
    case 503:
      return failure(code, `The server cannot do this at the moment: ${message} Try again ${later}.`);
    default:
      return failure(code, message);
  }
}

/** The message repeats the problems where there are some to be listed below it. */
function refusedReload(code: string, message: string, problems: readonly string[] = []): CommandFailure {
  const repeated = problems.join('; ');
  const lead = message.endsWith(repeated) ? message.slice(0, message.length - repeated.length).trim() : '';
  return lead === '' || repeated === ''
    ? new CommandFailure(ExitCode.badConfiguration, code, message)
    : new CommandFailure(ExitCode.badConfiguration, code, lead.replace(/:$/, '.'), problems);
}

function certificateProblem(kind: TransportError['kind'], hostname: string): readonly [string, string] | undefined {
  switch (kind) {
    case 'certificate-expired':
      return ['it has expired', 'renew it; the server takes the new one with SIGHUP'];
    case 'certificate-not-yet-valid':
      return ['it is not valid yet', 'look at the clocks of both machines'];
    case 'certificate-wrong-name':
      return [`it is not for ${hostname}`, 'name the server in --url as its certificate does'];
    case 'certificate-self-signed':
      return ['it is signed with its own key', 'give a copy of it with --ca FILE'];
    default:
      return undefined;
  }
}

function failure(code: string, message: string): CommandFailure {
  return new CommandFailure(ExitCode.failure, code, message);
}
