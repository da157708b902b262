import { request } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/schema';
import type { Configuration } from '../../config/settings.ts';
import { CommandFailure } from '../command-failure.ts';
import { configuredAddress, type DaemonAddress } from '../operator/daemon-address.ts';
import { connectToDaemon } from '../operator/daemon-connection.ts';
import { brokenExchange } from '../operator/daemon-failure.ts';

/** What was found where the configuration has the HTTP service. */
export type HttpService =
  | { readonly state: 'off' }
  /** The port is 0: only the running server knows it. */
  | { readonly state: 'unknown-port' }
  /** @property code as a {@link CommandFailure} has it. */
  | { readonly state: 'unreachable'; readonly url: string; readonly code: string }
  /** What answers is no taciturn. */
  | { readonly state: 'foreign'; readonly url: string; readonly status: number }
  | RunningService;

export interface RunningService {
  readonly state: 'answers';
  readonly url: string;
  /** Why no new allocations are taken, when it is so. */
  readonly notReady?: string;
  readonly plane?: RunningPlane;
  /** The metrics that have no labels, by their name. */
  readonly metrics: ReadonlyMap<string, number>;
  /** SHA-256 of the certificate that it shows, over HTTPS, where that may be another than the one in the file. */
  readonly fingerprint?: string;
}

const Plane = Type.Object({ name: Type.String(), why: Type.String(), workers: Type.Integer() });
/** The data plane that a running server says it uses; `workers` are threads for UDP clients beside the main one. */
export type RunningPlane = Readonly<Static<typeof Plane>>;

const Ready = Type.Object({ status: Type.Literal('ready') });
const NotReady = Type.Object({ error: Type.Object({ code: Type.Literal('not_ready'), message: Type.String() }) });
const Health = Type.Object({ plane: Plane });

/** Everything is on this machine. */
const answerTimeoutMs = 3000;
/** Far more than there are metrics. */
const mostBytes = 4 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly fingerprint: string | undefined;
}

/**
 * Asks the running server, over HTTP or HTTPS, what it tells without a key.
 *
 * @param trusted certificates to trust in place of the public authorities. PEM.
 */
export async function askHttpService(configuration: Configuration, trusted?: string): Promise<HttpService> {
  const { http } = configuration;
  if (!http.enabled) return { state: 'off' };
  if (http.port === 0) return { state: 'unknown-port' };
  const address = { ...configuredAddress(configuration), ...(trusted !== undefined && { trusted }) };
  try {
    return await ask(address);
  } catch (error) {
    if (error instanceof CommandFailure) return { state: 'unreachable', url: address.url, code: error.code };
    throw error;
  }
}

async function ask(address: DaemonAddress): Promise<HttpService> {
  const { url } = address;
  const { status, text, fingerprint } = await get(address, '/readyz');
  const readiness = parsed(text);
  const notReady = Check(NotReady, readiness) ? readiness.error.message : undefined;
  if (notReady === undefined && !Check(Ready, readiness)) return { state: 'foreign', url, status };
  const health = parsed((await get(address, '/healthz')).text);
  const plane = Check(Health, health) ? health.plane : undefined;
  return {
    state: 'answers',
    url,
    ...(notReady !== undefined && { notReady }),
    ...(plane !== undefined && { plane }),
    metrics: plainMetrics((await get(address, '/metrics')).text),
    ...(fingerprint !== undefined && { fingerprint }),
  };
}

/** @throws CommandFailure */
async function get(address: DaemonAddress, path: string): Promise<Answer> {
  const socket = await connectToDaemon(address);
  // One that nobody vouches for was accepted for being the very one in the file; Node.js shows a certificate only once.
  const isVouchedFor = socket instanceof TLSSocket && socket.authorized;
  const fingerprint = isVouchedFor ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
  const url = new URL(address.url);
  const limit = AbortSignal.timeout(answerTimeoutMs);
  try {
    return { ...(await exchange(socket, url.host, path, limit)), fingerprint };
  } catch {
    throw brokenExchange(url, limit.aborted);
  } finally {
    socket.destroy();
  }
}

function exchange(
  socket: Socket,
  host: string,
  path: string,
  signal: AbortSignal,
): Promise<Pick<Answer, 'status' | 'text'>> {
  return new Promise((resolve, reject) => {
    const headers = { host, connection: 'close' };
    const sent = request({ path, headers, createConnection: () => socket, signal });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', reject);
      response.on('data', (more: string) => {
        text += more;
        if (text.length > mostBytes) reject(new Error('too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    sent.end();
  });
}

/** Of the exposition format of Prometheus, the samples without labels. */
function plainMetrics(text: string): Map<string, number> {
  const samples = text.matchAll(/^([a-zA-Z_:][\w:]*) (\S+)$/gm);
  return new Map([...samples].map(([, name, value]) => [name!, Number(value)]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
