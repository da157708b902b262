/** The thread that serves UDP clients: one server, its sockets, and a loop that does nothing else. */
import { randomInt } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { BatchListener } from '../../relay/batch/batch-listener.ts';
import { BatchPlane } from '../../relay/batch/batch-plane.ts';
import { Gathering } from '../../relay/batch/gathering.ts';
import { SystemCallError } from '../../syscalls/datagram-sockets.ts';
import { loadLibc } from '../../syscalls/libc.ts';
import { sleepPrecisely } from '../../syscalls/pause.ts';
import { Bell } from '../../syscalls/poller.ts';
import { SharedTables } from '../../turn/shared/shared-tables.ts';
import { ServerControl, type ServerQuestions } from '../server-control.ts';
import { serverOptions } from '../server-options.ts';
import { now } from '../system-time.ts';
import { TurnHost } from '../turn-host.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { Reports } from './reports.ts';
import { revive } from './revive.ts';

/** How long the loop sleeps when nothing happens. A thread cannot be ended while it sleeps. */
const LONGEST_WAIT_MS = 1000;

function run(port: MessagePort, start: WorkerStart): void {
  const { index } = start;
  const libc = loadLibc();
  if (typeof libc === 'string') throw new Error(libc);
  const tell = (message: FromWorker) => port.postMessage(message);
  const shared = new SharedTables(start.memory, index);
  const options = serverOptions(start.settings, start.relays, shared);

  const reports = new Reports(tell, now());
  let plane!: BatchPlane;
  const host = new TurnHost(
    options,
    (planeEvents) => {
      const opened = BatchPlane.open(libc, planeEvents, { seed: randomInt(2 ** 32), descriptors: shared.ports });
      if (opened instanceof SystemCallError) throw opened;
      plane = opened;
      return plane;
    },
    {
      event: (event) => reports.event(event, now()),
      ask: (candidate) => tell({ kind: 'ask-admission', candidate }),
      trouble: (what, why) => reports.trouble(what, why),
    },
  );

  const listeners = new Map<number, BatchListener>();
  const control = new ServerControl(host, options.policy, index, () => [...listeners.values()]);
  let stopped = false;

  function receive(message: ToWorker): void {
    switch (message.kind) {
      case 'command':
        control.execute(message.command);
        return;
      case 'listen': {
        const { id, local, descriptor } = message.listener;
        const listener = plane.listen(id, local, descriptor, {
          received: host.listenerEvents.received,
          shed: () => host.server.countDrop('unfair-share'),
        });
        listeners.set(id, listener);
        host.add(listener);
        return;
      }
      case 'release': {
        const listener = listeners.get(message.id);
        listeners.delete(message.id);
        if (listener !== undefined) host.remove(listener);
        tell({ kind: 'released', id: message.id });
        return;
      }
      case 'ask': {
        const answer = control[message.question] as (
          about: unknown,
        ) => ReturnType<ServerQuestions[keyof ServerQuestions]>;
        tell({ kind: 'answer', number: message.number, value: answer.call(control, message.about) });
        return;
      }
      case 'stop':
        stopped = true;
    }
  }

  const bell = new Bell(libc, start.bell);
  const readMessages = () => {
    bell.hush();
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      receive(revive(next.message as ToWorker));
    }
  };
  plane.watch(start.bell, readMessages);
  tell({ kind: 'ready', poller: plane.descriptor });
  // What was sent before the bell was watched.
  readMessages();

  sleepPrecisely(libc);
  const gathering = new Gathering(now());
  for (let time = now(); !stopped; time = now()) {
    const wait = Math.min(LONGEST_WAIT_MS, host.server.nextDeadline - time, reports.dueIn(time));
    const packets = plane.turn(Math.max(0, Math.ceil(wait)));
    if (host.server.nextDeadline <= time) host.advance();
    reports.send(time);
    const pause = gathering.pause(packets, now());
    if (pause > 0) libc.usleep(pause);
  }
  host.stop();
  reports.sendEvents(now());
  reports.send(now());
}

run(parentPort!, revive(workerData as WorkerStart));
