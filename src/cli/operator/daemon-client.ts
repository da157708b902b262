import { request } from 'node:http';
import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/schema';
import type { CommandContext } from '../command-context.ts';
import { CommandFailure } from '../command-failure.ts';
import { apiKey, type GivenApiKey } from './api-key-input.ts';
import { type DaemonAddress, type DaemonOptions, daemonAddress } from './daemon-address.ts';
import { connectToDaemon } from './daemon-connection.ts';
import { brokenExchange, notTaciturn, refusal } from './daemon-failure.ts';

const answerTimeoutMs = 15_000;
/** Far more than a page of sessions has. */
const mostBytes = 16 * 1024 * 1024;

const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    /** Of a configuration. */
    problems: Type.Optional(Type.Array(Type.String())),
  }),
});

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** `undefined` when it is no JSON. */
  readonly body: unknown;
}

/** The HTTP service of a running server, asked with an API key. Whatever goes wrong becomes a {@link CommandFailure}. */
export class DaemonClient {
  readonly #address: DaemonAddress;
  readonly #key: GivenApiKey;

  constructor(address: DaemonAddress, key: GivenApiKey) {
    this.#address = address;
    this.#key = key;
  }

  /** The client that the flags and the environment of a command ask for. */
  static async open(options: DaemonOptions, context: CommandContext): Promise<DaemonClient> {
    const address = daemonAddress(options, context);
    return new DaemonClient(address, await apiKey(options.keyFile, context));
  }

  /**
   * Asks for something whose answer is of a known shape.
   *
   * @param path such as `/v1/status`
   * @throws CommandFailure with the code of the service, or with one for what kept it from answering.
   */
  async ask<S extends TSchema>(method: 'GET' | 'POST', path: string, schema: S): Promise<Static<S>> {
    const answer = await this.#exchange(method, path);
    if (answer.status >= 300) throw this.#refused(answer);
    if (!Check(schema, answer.body)) throw notTaciturn(this.#address.url, answer.status);
    return answer.body;
  }

  /** Like {@link ask}, where it may be that there is no such thing: `undefined` then. */
  async find<S extends TSchema>(path: string, schema: S): Promise<Static<S> | undefined> {
    try {
      return await this.ask('GET', path, schema);
    } catch (error) {
      if (error instanceof CommandFailure && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /** Deletes something; false when there is no such thing. */
  async remove(path: string): Promise<boolean> {
    const answer = await this.#exchange('DELETE', path);
    if (answer.status === 204) return true;
    const refused = this.#refused(answer);
    if (refused.code === 'not_found') return false;
    throw refused;
  }

  #refused({ status, body, retryAfter }: Answer): CommandFailure {
    if (!Check(ErrorBody, body)) return notTaciturn(this.#address.url, status);
    const more = retryAfter === undefined ? {} : { retryAfter };
    return refusal(new URL(this.#address.url), this.#key, { status, ...body.error, ...more });
  }

  async #exchange(method: string, path: string): Promise<Answer> {
    const socket = await connectToDaemon(this.#address);
    const url = new URL(`${this.#address.url}${path}`);
    return new Promise((resolve, reject) => {
      let timedOut = false;
      const fail = () => {
        socket.destroy();
        reject(brokenExchange(url, timedOut));
      };
      const timer = setTimeout(() => {
        timedOut = true;
        fail();
      }, answerTimeoutMs);
      socket.once('close', () => clearTimeout(timer));
      const headers = {
        host: url.host,
        authorization: `Bearer ${this.#key.key}`,
        accept: 'application/json',
        connection: 'close',
      };
      const sent = request({ method, path: `${url.pathname}${url.search}`, headers, createConnection: () => socket });
      sent.on('error', fail);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', fail);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > mostBytes) fail();
        });
        response.on('end', () => {
          socket.destroy();
          const retryAfter = response.headers['retry-after'];
          resolve({ status: response.statusCode!, retryAfter, body: parsed(Buffer.concat(chunks)) });
        });
      });
      sent.end();
    });
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
