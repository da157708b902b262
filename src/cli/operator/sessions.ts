import { type Static, Type } from 'typebox';
import type { CommandContext } from '../command-context.ts';
import { StatusLine } from '../status-line.ts';
import { counted } from './amounts.ts';
import type { DaemonClient } from './daemon-client.ts';

const Traffic = Type.Object({ packets: Type.Integer(), bytes: Type.Integer() });

/** A live allocation, as the HTTP service tells of it. */
export const Session = Type.Object({
  id: Type.String(),
  user: Type.String(),
  label: Type.Optional(Type.String()),
  client: Type.String(),
  transport: Type.String(),
  relayed: Type.Array(Type.String()),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  permissions: Type.Integer(),
  channels: Type.Integer(),
  fromClient: Traffic,
  toClient: Traffic,
  server: Type.Integer(),
});
export type Session = Static<typeof Session>;

const Page = Type.Object({ sessions: Type.Array(Session), next: Type.Optional(Type.String()) });

/** The most that the service gives at once. */
const pageSize = 1000;

export interface SessionFilter {
  readonly user?: string;
  readonly label?: string;
}

/** All live allocations, or those of a user or label, read page by page. */
export async function allSessions(
  client: DaemonClient,
  { user, label }: SessionFilter,
  context: CommandContext,
): Promise<Session[]> {
  const status = new StatusLine(context);
  const found: Session[] = [];
  let cursor: string | undefined;
  try {
    do {
      const query = new URLSearchParams({ limit: String(pageSize) });
      for (const [name, value] of Object.entries({ user, label, cursor })) {
        if (value !== undefined) query.set(name, value);
      }
      const page = await client.ask('GET', `/v1/sessions?${query}`, Page);
      found.push(...page.sessions);
      cursor = page.next;
      if (cursor !== undefined) status.show(`reading: ${counted(found.length, 'session')} so far`);
    } while (cursor !== undefined);
  } finally {
    status.clear();
  }
  return found;
}

/** The path of one session. */
export function sessionPath(id: string): string {
  return `/v1/sessions/${encodeURIComponent(id)}`;
}
