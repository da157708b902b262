import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came for one request. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * An HTTP connection that stays open and carries one request at a time. It does as little as can be for each, since the
 * load generator shares the machine with the server that is measured.
 */
export class KeepAliveConnection {
  readonly #socket: Socket;
  #received = '';
  /** Why it carries nothing any more. */
  #ended: Error | undefined;
  #waiting: { readonly done: (answer: HttpAnswer) => void; readonly failed: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server has closed the connection')));
  }

  static async open({ hostname, port }: URL): Promise<KeepAliveConnection> {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new KeepAliveConnection(socket);
  }

  /** Sends a whole request. One of the two functions is called, once. */
  send(request: string, done: (answer: HttpAnswer) => void, failed: (error: Error) => void): void {
    if (this.#ended !== undefined) {
      failed(this.#ended);
      return;
    }
    this.#waiting = { done, failed };
    this.#socket.write(request, 'latin1');
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const headerEnd = this.#received.indexOf('\r\n\r\n');
    if (headerEnd < 0) return;
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.#received)?.[1] ?? '0';
    const bodyStart = headerEnd + 4;
    if (this.#received.length < bodyStart + Number(length)) return;
    // HTTP/1.1 201
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(bodyStart) };
    const waiting = this.#waiting;
    this.#received = '';
    this.#waiting = undefined;
    waiting?.done(answer);
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.failed(error);
  }
}
