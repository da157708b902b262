import type { Socket } from 'node:net';
import type { ConnectionError, RouteOptions } from 'fastify';
import { type ErrorCode, errorBody, errorStatus } from './errors.ts';

const connectionCodes = new Map<string, readonly [ErrorCode, string]>([
  ['ERR_HTTP_REQUEST_TIMEOUT', ['request_timeout', 'The request took too long to arrive.']],
  ['HPE_HEADER_OVERFLOW', ['headers_too_large', 'The headers are too large.']],
]);

/** Answers what is not even HTTP, in the shape of every other error. */
export function answerConnectionError(error: ConnectionError, socket: Socket): void {
  // To whoever fails in the TLS handshake nothing can be said.
  const handshake = error.code?.startsWith('ERR_SSL') === true || error.code?.startsWith('ERR_TLS') === true;
  if (handshake || error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, message] = connectionCodes.get(error.code) ?? ['invalid_request', 'This is no valid HTTP request.'];
  const body = JSON.stringify(errorBody(code, message));
  socket.end(
    `HTTP/1.1 ${errorStatus[code]} Refused\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** The methods that some route takes at the path of a URL; empty when there is no such path. */
export function allowedMethods(routes: readonly RouteOptions[], url: string): string[] {
  const path = url.split('?', 1)[0]!.split('/');
  const methods = routes
    .filter((route) => {
      const pattern = route.url.split('/');
      return pattern.length === path.length && pattern.every((part, i) => part.startsWith(':') || part === path[i]);
    })
    .flatMap((route) => route.method);
  return [...new Set(methods)].sort();
}
