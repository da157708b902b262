import { type Static, Type } from 'typebox';

/** What `GET /v1/status` tells of the running server. */
export const StatusAnswer = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  startedAt: Type.String(),
  state: Type.String(),
  plane: Type.Object({ name: Type.String(), why: Type.String(), workers: Type.Integer() }),
  urls: Type.Array(Type.String()),
  allocations: Type.Integer(),
  users: Type.Integer(),
  relayed: Type.Object({ packets: Type.Integer(), bytes: Type.Integer() }),
  store: Type.Object({ kind: Type.String(), available: Type.Boolean() }),
});
export type StatusAnswer = Static<typeof StatusAnswer>;
