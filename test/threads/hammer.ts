/** What each thread of the test does: one task after another, as it is told, on the tables that all of them share. */
import { randomBytes, randomInt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { AddressFamily } from '../../src/stun/protocol.ts';
import type { RandomSource } from '../../src/turn/random.ts';
import type { SharedMemory } from '../../src/turn/shared/shared-memory.ts';
import { SharedTables } from '../../src/turn/shared/shared-tables.ts';
import { instant } from '../../src/turn/time.ts';

/** What a thread is to do. Each task is answered with a list of what went wrong, or with a number. */
export type Task =
  /** Take and give back ports, at random. */
  | { readonly kind: 'ports'; readonly rounds: number }
  /** Allocate, reserve, redeem, cancel and leave, at random; all is given back in the end. */
  | { readonly kind: 'users'; readonly rounds: number }
  /** Allocate until refused for each user, and keep it; answers how many. */
  | { readonly kind: 'fill' }
  /** Pass packets until the daemon's rate is used up; answers how many. */
  | { readonly kind: 'traffic'; readonly rate: number }
  /** Count this many packets. */
  | { readonly kind: 'count'; readonly packets: number }
  /** Do what `users` does for ever. */
  | { readonly kind: 'forever' };

export interface HammerData {
  readonly memory: SharedMemory;
  readonly server: number;
  readonly users: number;
  readonly quotas: { readonly allocations: number; readonly allocationsPerUser: number };
  /** Kept beside the tables by the threads themselves: who has which port, then how much each user has, then in all. */
  readonly witness: Int32Array;
  /** Tokens that any thread may redeem: a word that says whose turn it is, then user and the token's two words. */
  readonly mailbox: Int32Array;
}

const { memory, server, users, quotas, witness, mailbox } = workerData as HammerData;
const { ipv4 } = AddressFamily;
const shared = new SharedTables(memory, server);
const { ports, admissions } = shared;
const random: RandomSource = { below: (limit) => randomInt(limit), bytes: (length) => randomBytes(length) };
const USERS = 65_536;
const ALL = USERS + users;
const problems: string[] = [];

function check(holds: boolean, what: string): void {
  if (!holds && problems.length < 10) problems.push(`thread ${server}: ${what}`);
}

/** The witness sees a port for as long as it is surely this thread's. */
function tookPort(port: number): void {
  check(Atomics.compareExchange(witness, port, 0, server + 1) === 0, `port ${port} was given out twice`);
}

function givePort(port: number): void {
  check(Atomics.exchange(witness, port, 0) === server + 1, `port ${port} changed hands`);
  ports.release(ipv4, port);
}

function hammerPorts(rounds: number): void {
  const mine: number[] = [];
  for (let i = 0; i < rounds; i++) {
    if (random.below(2) === 0 && mine.length > 0) {
      givePort(mine.splice(random.below(mine.length), 1)[0]!);
      continue;
    }
    const pair = random.below(4) === 0;
    const port = pair ? ports.takeEven(ipv4, true, random) : ports.take(ipv4, random);
    if (port === undefined) continue;
    const taken = pair ? [port, port + 1] : [port];
    for (const one of taken) tookPort(one);
    mine.push(...taken);
  }
  for (const port of mine) givePort(port);
}

interface Held {
  readonly user: number;
  readonly row: number;
  readonly port: number | undefined;
}

const held: Held[] = [];

/** The witness counts later than the table and forgets sooner, so what it sees can never be over a quota. */
function entered(user: number, row: number, port?: number): void {
  held.push({ user, row, port });
  check(Atomics.add(witness, USERS + user, 1) < quotas.allocationsPerUser, 'a user is over its quota');
  check(Atomics.add(witness, ALL, 1) < quotas.allocations, 'there are too many allocations');
}

function leave(): void {
  if (held.length === 0) return;
  const one = held.splice(random.below(held.length), 1)[0]!;
  Atomics.sub(witness, USERS + one.user, 1);
  Atomics.sub(witness, ALL, 1);
  if (one.port !== undefined) givePort(one.port);
  admissions.leave(one.row);
}

function admit(): void {
  const user = random.below(users);
  const row = admissions.admit(`user ${user}`, quotas);
  if (typeof row === 'number') entered(user, row);
}

/** Reserves a port and puts the token into the mailbox, or takes it back at once when there is one already. */
function reserve(): void {
  const user = random.below(users);
  const token = random.bytes(8);
  const row = admissions.admit(`user ${user}`, quotas, token);
  if (typeof row !== 'number') return;
  entered(user, row);
  const port = ports.take(ipv4, random);
  if (port === undefined) {
    admissions.cancel(token);
    return;
  }
  admissions.keep(token, ipv4, port);
  if (Atomics.compareExchange(mailbox, 0, 0, -1) !== 0) {
    admissions.cancel(token);
    return;
  }
  mailbox[1] = user;
  mailbox[2] = token.readInt32LE(0);
  mailbox[3] = token.readInt32LE(4);
  Atomics.store(mailbox, 0, 1);
}

/** Takes the token out of the mailbox and redeems it; leaves it to the quota to say no. */
function redeem(): void {
  if (Atomics.compareExchange(mailbox, 0, 1, -1) !== 1) return;
  const user = mailbox[1]!;
  const token = Buffer.alloc(8);
  token.writeInt32LE(mailbox[2]!, 0);
  token.writeInt32LE(mailbox[3]!, 4);
  const result = admissions.redeem(`user ${user}`, quotas, token);
  if (typeof result === 'string') {
    // A port whose server has died is gone with it; else it waits for the next who tries.
    Atomics.store(mailbox, 0, result === 'server-quota' ? 1 : 0);
    return;
  }
  Atomics.store(mailbox, 0, 0);
  tookPort(result.port);
  entered(user, result.user, result.port);
}

const actions = [admit, admit, reserve, redeem, leave, leave, leave];

function hammerUsers(rounds: number): void {
  for (let i = 0; i < rounds; i++) actions[random.below(actions.length)]!();
  while (held.length > 0) leave();
}

function fill(): number {
  let count = 0;
  for (let user = 0; user < users; user++) {
    while (typeof admissions.admit(`user ${user}`, quotas) === 'number') count++;
  }
  return count;
}

function passTraffic(rate: number): number {
  const traffic = shared.traffic({ packetsPerSecond: rate, bytesPerSecond: Number.POSITIVE_INFINITY });
  let count = 0;
  while (traffic.admit(1, instant(1))) count++;
  return count;
}

function countPackets(packets: number): void {
  for (let i = 0; i < packets; i++) {
    shared.counters.fromClients.packets++;
    shared.counters.drop(0);
  }
}

function perform(task: Task): number {
  switch (task.kind) {
    case 'ports':
      hammerPorts(task.rounds);
      return 0;
    case 'users':
      hammerUsers(task.rounds);
      return 0;
    case 'fill':
      return fill();
    case 'traffic':
      return passTraffic(task.rate);
    case 'count':
      countPackets(task.packets);
      return 0;
    case 'forever':
      parentPort!.postMessage('begun');
      for (;;) hammerUsers(1000);
  }
}

parentPort!.on('message', (task: Task) => {
  const result = perform(task);
  parentPort!.postMessage({ result, problems: problems.splice(0) });
});
