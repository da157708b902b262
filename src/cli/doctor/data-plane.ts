import type { Configuration } from '../../config/settings.ts';
import type { choosePlane } from '../../relay/choose-plane.ts';
import type { Finding, Level } from './finding.ts';
import type { RunningPlane } from './http-service.ts';

export interface PlaneDependencies {
  /** What a server would choose that is started now. */
  readonly choosePlane: typeof choosePlane;
}

/**
 * Which data plane is active and why; where no server can be asked, which one would be.
 *
 * @param running what the running server says.
 */
export function dataPlaneFinding(
  { relay }: Configuration,
  running: RunningPlane | undefined,
  dependencies: PlaneDependencies,
): Finding {
  if (running === undefined) return expected(dependencies.choosePlane(relay.plane));
  const { name, why, workers } = running;
  if (relay.plane !== 'auto' && relay.plane !== name) {
    return finding(
      'warning',
      'data_plane_differs',
      `The running server moves packets with the data plane ${name} (${why}), and relay.plane is ${relay.plane}.`,
      { fix: 'Start the server again with this configuration.', facts: { ...running } },
    );
  }
  const threads = workers === 0 ? '' : workers === 1 ? ' on one thread' : ` on ${workers} threads`;
  return finding('ok', 'data_plane', `Packets are moved by the data plane ${name}${threads}: ${why}.`, {
    facts: { ...running },
  });
}

function expected(choice: ReturnType<typeof choosePlane>): Finding {
  if ('error' in choice) {
    return finding('problem', 'data_plane_missing', `The server does not start: ${choice.error}`, {
      fix: 'Set relay.plane to auto, which takes the best that can be had.',
    });
  }
  const { plane, why } = choice;
  return finding(
    'not-tested',
    'data_plane_unknown',
    `Which data plane is in use was not tested: no server could be asked. One that starts now takes ${plane}: ${why}.`,
    { fix: 'Run doctor while the server runs with its HTTP service on a fixed port.', facts: { expected: plane, why } },
  );
}

function finding(level: Level, code: string, sentence: string, more: Pick<Finding, 'fix' | 'facts'>): Finding {
  return { about: 'data-plane', level, code, sentence, ...more };
}
