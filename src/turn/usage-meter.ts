import type { Allocation } from './allocation.ts';
import type { Traffic } from './counters.ts';

/** What was relayed for one key, user and label since it was told last: plain data that may be sent to another thread. */
export interface UsageDelta {
  /** The id of the API key that issued the credential; empty where none did. */
  readonly issuer: string;
  readonly user: string;
  /** Empty where there is none. */
  readonly label: string;
  readonly fromClientBytes: number;
  readonly fromClientPackets: number;
  readonly toClientBytes: number;
  readonly toClientPackets: number;
  /** How many allocations began. */
  readonly allocations: number;
}

type Row = { -readonly [K in keyof UsageDelta]: UsageDelta[K] };

/** When nobody takes what is counted, users beyond so many are counted together. */
const MOST_ROWS = 65_536;

/** Counts what each user relays. Packets are counted in their allocations anyway; this looks at those when it is asked. */
export class UsageMeter {
  readonly #rows = new Map<string, Row>();

  /** The client of a new allocation has been told of it. */
  began(allocation: Allocation): void {
    this.#row(allocation).allocations++;
  }

  /** An allocation is about to be forgotten. */
  ended(allocation: Allocation): void {
    this.#count(allocation);
  }

  /** What was relayed since the last call. */
  take(allocations: Iterable<Allocation>): UsageDelta[] {
    for (const allocation of allocations) this.#count(allocation);
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    return rows;
  }

  #count(allocation: Allocation): void {
    const { fromClient, toClient, counted } = allocation;
    if (fromClient.packets === counted.fromClient.packets && toClient.packets === counted.toClient.packets) return;
    const row = this.#row(allocation);
    row.fromClientBytes += fromClient.bytes - counted.fromClient.bytes;
    row.fromClientPackets += fromClient.packets - counted.fromClient.packets;
    row.toClientBytes += toClient.bytes - counted.toClient.bytes;
    row.toClientPackets += toClient.packets - counted.toClient.packets;
    copy(fromClient, counted.fromClient);
    copy(toClient, counted.toClient);
  }

  #row({ authenticated: { credential } }: Allocation): Row {
    const { issuer = '', label = '' } = credential;
    const user = this.#rows.size < MOST_ROWS ? credential.user : '';
    // None of the three holds a line feed.
    const key = `${issuer}\n${user}\n${user === '' ? '' : label}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      const nothing = { fromClientBytes: 0, fromClientPackets: 0, toClientBytes: 0, toClientPackets: 0 };
      row = { issuer, user, label: user === '' ? '' : label, ...nothing, allocations: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }
}

function copy(from: Readonly<Traffic>, to: Traffic): void {
  to.packets = from.packets;
  to.bytes = from.bytes;
}
