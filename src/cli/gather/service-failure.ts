import { CommandFailure } from '../command-failure.ts';
import { visible } from '../operator/table.ts';

/** As when a server fails: what was to be checked does not work. */
const exitCode = 2;

/** Why an endpoint gave no servers. `where` is the URL without its query, which may hold a key. */
export type ServiceFailure =
  | { readonly kind: 'unreachable'; readonly code: string }
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  | { readonly kind: 'status'; readonly status: number; readonly method: string; readonly hasKey: boolean }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'too-long'; readonly maxBytes: number }
  | { readonly kind: 'content'; readonly code: string; readonly reason: string };

/** The failure of `--credentials-url`, with its cause and what to do. */
export function serviceFailure(where: string, failure: ServiceFailure): CommandFailure {
  const { code, message } = explain(failure);
  return new CommandFailure(exitCode, `credentials_${code}`, `--credentials-url ${visible(where)}: ${message}`);
}

function explain(failure: ServiceFailure): { readonly code: string; readonly message: string } {
  switch (failure.kind) {
    case 'unreachable':
      return { code: 'unreachable', message: unreachable(failure.code) };
    case 'timeout':
      return {
        code: 'timeout',
        message: `There was no complete answer within ${failure.timeoutMs / 1000} s. Check that the service runs and can be reached from here.`,
      };
    case 'status':
      return explainStatus(failure);
    case 'redirect':
      return {
        code: 'redirect',
        message: `It redirects to ${visible(failure.to)}, another host, which is not followed because the key is not for that one. If it is right, give that URL.`,
      };
    case 'too-long':
      return {
        code: 'too_long',
        message: `The answer is longer than ${failure.maxBytes / 1024} KiB, so it is no list of servers. Check the path of the URL.`,
      };
    case 'content':
      return {
        code: failure.code,
        message:
          failure.code === 'html'
            ? 'The answer is a web page and not JSON: the path is wrong, or a login page is in front. Check the URL and what it wants to authenticate with.'
            : `The answer cannot be used: ${visible(failure.reason)}. It has to be JSON with iceServers.`,
      };
  }
}

function explainStatus({ status, method, hasKey }: Extract<ServiceFailure, { kind: 'status' }>) {
  switch (status) {
    case 401:
      return {
        code: 'unauthorized',
        message: hasKey
          ? 'The service refused the key (401): it is mistyped, has been revoked, or the service wants another way to authenticate than Bearer.'
          : 'The service asks for a key, and none was given (401). Give --key-file FILE (or - for stdin), or set TACITURN_API_KEY.',
      };
    case 403:
      return {
        code: 'forbidden',
        message: `The service knows ${hasKey ? 'the key' : 'who asks'}, but forbids this (403). Let the key issue credentials; with taciturn it needs the scope issue.`,
      };
    case 404:
      return {
        code: 'not_found',
        message: 'There is no such path (404). Check the URL; taciturn has /v1/credentials.',
      };
    case 405:
      return {
        code: 'method_not_allowed',
        message: `The service does not take ${method} there (405). Try --method ${method === 'POST' ? 'GET' : 'POST'}.`,
      };
    case 429:
      return { code: 'rate_limited', message: 'The service was asked too often (429). Wait a minute, and try again.' };
    default:
      return status >= 500
        ? { code: 'service_error', message: `The service failed (${status}). Look into its log for this moment.` }
        : {
            code: 'refused',
            message: `The service answered ${status}. Check the URL, the method (--method) and the key.`,
          };
  }
}

function unreachable(code: string): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host does not resolve to an address (${code}). Check its spelling and the network connection.`;
    case 'ECONNREFUSED':
      return `Nothing listens there (${code}). Check host and port, and that the service runs.`;
    case 'BAD_PORT':
      return 'Its port is one of those that browsers do not speak HTTP with, since another service has it by custom, and so this does not either. Check the port.';
    default:
      return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)
        ? `Its TLS certificate is not accepted (${code}). Check the name in the URL; trust an authority of your own with NODE_EXTRA_CA_CERTS.`
        : `The connection failed (${code}). Check scheme, host and port: http:// where there is no TLS, https:// where there is.`;
  }
}
