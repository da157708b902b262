import type { TransportAddress } from '../../stun/ip-address.ts';
import type { EventRecord } from '../../telemetry/event-record.ts';
import type { AdmissionCandidate } from '../../turn/admission.ts';
import type { RelayAddress } from '../../turn/options.ts';
import type { SharedMemory } from '../../turn/shared/shared-memory.ts';
import type { ServerCommand, ServerQuestions } from '../server-control.ts';
import type { ServerSettings } from '../server-options.ts';

/** A UDP socket of a worker; the main thread has opened it and goes on owning it. */
export interface WorkerListener {
  readonly id: number;
  readonly local: TransportAddress;
  readonly descriptor: number;
}

/** What a worker is started with. */
export interface WorkerStart {
  /** The index of its server; the main thread's has 0. */
  readonly index: number;
  readonly memory: SharedMemory;
  readonly settings: ServerSettings;
  readonly relays: { readonly ipv4: RelayAddress | undefined; readonly ipv6: RelayAddress | undefined };
  /** The descriptor of the bell that tells of messages. */
  readonly bell: number;
}

/** What the main thread sends. */
export type ToWorker =
  | { readonly kind: 'command'; readonly command: ServerCommand }
  | { readonly kind: 'listen'; readonly listener: WorkerListener }
  /** Answered by `released`, after which the socket may be closed. */
  | { readonly kind: 'release'; readonly id: number }
  /** Answered by `answer` with the same number. */
  | {
      readonly kind: 'ask';
      readonly number: number;
      readonly question: keyof ServerQuestions;
      readonly about: unknown;
    }
  /** Ends all allocations, then the thread. */
  | { readonly kind: 'stop' };

/** What a worker sends. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly poller: number }
  | { readonly kind: 'events'; readonly events: readonly EventRecord[] }
  | { readonly kind: 'trouble'; readonly what: string; readonly why: string | undefined; readonly times: number }
  | { readonly kind: 'released'; readonly id: number }
  /** Answered by an `admission` command. */
  | { readonly kind: 'ask-admission'; readonly candidate: AdmissionCandidate }
  | { readonly kind: 'answer'; readonly number: number; readonly value: unknown };
