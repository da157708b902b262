import { request as httpRequest } from 'node:http';
import { failure, type Result, success } from '../../client/result.ts';
import { systemError, type TransportError } from '../../client/transport-error.ts';
import type { HttpRequest, HttpResponse } from '../network.ts';

/** One HTTP request over a connection of its own. */
export function requestHttp(request: HttpRequest): Promise<Result<HttpResponse, TransportError>> {
  const { method, to, host, path, headers, body, timeoutMs, maxBytes } = request;
  return new Promise((resolve) => {
    const end = (result: Result<HttpResponse, TransportError>) => {
      clearTimeout(timer);
      resolve(result);
      outgoing.destroy();
    };
    const outgoing = httpRequest({
      method,
      host: to.ip.text,
      port: to.port,
      path,
      agent: false,
      headers: {
        ...headers,
        Host: host,
        Connection: 'close',
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
    });
    const timer = setTimeout(() => end(failure(timedOut(timeoutMs))), timeoutMs);
    // It stays: an error may still come when all is over, and would end the process.
    outgoing.on('error', (error) => end(failure(systemError(error))));
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const complete = () => {
        const text = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
        end(success({ status: response.statusCode ?? 0, body: text }));
      };
      response.on('error', (error) => end(failure(systemError(error))));
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= maxBytes) complete();
      });
      response.on('end', complete);
    });
    outgoing.end(body);
  });
}

function timedOut(afterMs: number): TransportError {
  return { kind: 'timed-out', code: 'ETIMEDOUT', message: `There was no answer within ${afterMs / 1000} s.` };
}
