/** Carries messages, as plain data, between two threads or processes. */
export interface Channel {
  post(message: unknown): void;
  onMessage: (message: unknown) => void;
  /** Called when the other side is gone, with what is known about why. */
  onEnd: (reason: string) => void;
}

interface Call {
  readonly id: number;
  readonly order: string;
  readonly argument: unknown;
}

type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: string });

/** Something that is told what to do, each order an asynchronous method with at most one argument. */
export type Orders<T> = { [K in keyof T]: (argument: never) => Promise<unknown> };
type Argument<T extends Orders<T>, K extends keyof T> = Parameters<T[K]>;
type Value<T extends Orders<T>, K extends keyof T> = Awaited<ReturnType<T[K]>>;

/** Carries out what comes over a channel. */
export function serve<T extends Orders<T>>(channel: Channel, target: T): void {
  const orders = target as unknown as Record<string, (argument: unknown) => Promise<unknown>>;
  channel.onMessage = async (message) => {
    const { id, order, argument } = message as Call;
    try {
      channel.post({ id, value: await orders[order]!(argument) });
    } catch (error) {
      channel.post({ id, failure: (error as Error).message });
    }
  };
}

/** The far end of a channel that is served. */
export class Remote<T extends Orders<T>> {
  /** Called for messages that answer no call. */
  onOther: (message: unknown) => void = () => {};
  readonly #channel: Channel;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #ended: string | undefined;
  #next = 1;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onMessage = (message) => this.#receive(message as Reply);
    channel.onEnd = (reason) => this.#end(reason);
  }

  /** Has an order carried out; rejects when that fails or the other side is gone. */
  call<K extends keyof T & string>(order: K, ...argument: Argument<T, K>): Promise<Value<T, K>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new Error(this.#ended));
      const id = this.#next++;
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#channel.post({ id, order, argument: argument[0] });
    });
  }

  #receive(reply: Reply): void {
    const call = this.#calls.get(reply.id);
    if (!call) {
      this.onOther(reply);
      return;
    }
    this.#calls.delete(reply.id);
    if ('failure' in reply) call.reject(new Error(reply.failure));
    else call.resolve(reply.value);
  }

  #end(reason: string): void {
    this.#ended = reason;
    for (const { reject } of this.#calls.values()) reject(new Error(reason));
    this.#calls.clear();
  }
}
