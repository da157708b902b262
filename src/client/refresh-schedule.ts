import type { TransportAddress } from '../stun/ip-address.ts';

/** Permissions live 300 s (RFC 8656 §9); a minute is left to get the refresh through. */
const PERMISSION_REFRESH_MS = 240_000;
/** Channel bindings live 600 s (RFC 8656 §12). */
const CHANNEL_REFRESH_MS = 540_000;
/** How long before its end an allocation is refreshed: longer than a request may take to fail (39.5 s). */
const ALLOCATION_MARGIN_MS = 60_000;

/** What is due to be refreshed. */
export type RefreshTask =
  | { readonly kind: 'allocation' }
  /** All permissions that are due, which one CreatePermission can refresh together. */
  | { readonly kind: 'permissions'; readonly peers: readonly TransportAddress[] }
  | { readonly kind: 'channel'; readonly channel: number; readonly peer: TransportAddress };

/**
 * When allocation, permissions and channels are to be refreshed (RFC 8656 §8.1, §9.1, §12.1). Pure: it is told the time.
 * What it hands out as due it forgets, until it is told that the refresh succeeded.
 */
export class RefreshSchedule {
  #allocationDueAt: number | undefined;
  /** By the text of the IP address, since a permission is for all ports of it. */
  readonly #permissions = new Map<string, { dueAt: number; peer: TransportAddress }>();
  readonly #channels = new Map<number, { dueAt: number; peer: TransportAddress }>();

  /** The server granted this lifetime now. Short lifetimes are refreshed half way. */
  allocationRefreshed(lifetimeSeconds: number, nowMs: number): void {
    const lifetimeMs = lifetimeSeconds * 1000;
    this.#allocationDueAt = nowMs + Math.max(lifetimeMs / 2, lifetimeMs - ALLOCATION_MARGIN_MS);
  }

  permissionsRefreshed(peers: readonly TransportAddress[], nowMs: number): void {
    for (const peer of peers) this.#permissions.set(peer.ip.text, { dueAt: nowMs + PERMISSION_REFRESH_MS, peer });
  }

  /** A binding also installs a permission, which ends sooner than the binding does (RFC 8656 §12.2). */
  channelRefreshed(channel: number, peer: TransportAddress, nowMs: number): void {
    this.#channels.set(channel, { dueAt: nowMs + CHANNEL_REFRESH_MS, peer });
    this.permissionsRefreshed([peer], nowMs);
  }

  /** When the next refresh is due; `undefined` if none is. */
  get nextDueAt(): number | undefined {
    const all = [...this.#permissions.values(), ...this.#channels.values()].map(({ dueAt }) => dueAt);
    if (this.#allocationDueAt !== undefined) all.push(this.#allocationDueAt);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** Takes out everything that is due. */
  takeDue(nowMs: number): RefreshTask[] {
    const tasks: RefreshTask[] = [];
    if (this.#allocationDueAt !== undefined && this.#allocationDueAt <= nowMs) {
      this.#allocationDueAt = undefined;
      tasks.push({ kind: 'allocation' });
    }
    const peers: TransportAddress[] = [];
    for (const [key, { dueAt, peer }] of this.#permissions) {
      if (dueAt > nowMs) continue;
      this.#permissions.delete(key);
      peers.push(peer);
    }
    if (peers.length > 0) tasks.push({ kind: 'permissions', peers });
    for (const [channel, { dueAt, peer }] of this.#channels) {
      if (dueAt > nowMs) continue;
      this.#channels.delete(channel);
      tasks.push({ kind: 'channel', channel, peer });
    }
    return tasks;
  }
}
