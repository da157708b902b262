import { type Finding, findingsAbout } from './finding.ts';
import type { HttpService } from './http-service.ts';
import type { Probe } from './listeners.ts';

const finding = findingsAbout('server');

/** The first finding: without a server there is not much to look at. */
export function serverFinding(probes: readonly Probe[], service: HttpService, file: string | undefined): Finding {
  if (probes.length === 0) {
    return finding(
      'not-tested',
      'server_unknown',
      'Whether the server runs was not tested: no fixed port is configured.',
      'Configure listen.port.',
    );
  }
  if (probes.every(({ failure }) => failure !== undefined)) return silent(probes, service, file);
  switch (service.state) {
    case 'unreachable':
    case 'foreign':
      return finding(
        'not-tested',
        'server_unconfirmed',
        'A STUN server answers. Whether it is the server of this configuration was not tested: its HTTP service could not be asked.',
        'See to the HTTP service first (below); ss -lnup shows which program has the UDP port.',
      );
    case 'answers':
      if (service.notReady === undefined) break;
      return finding(
        'warning',
        'server_not_ready',
        `The server runs, but takes no new allocations: ${service.notReady}.`,
        'Wait until it has ended, or stop it where it was only told to drain, and start it again.',
      );
  }
  return finding('ok', 'server_runs', 'The server runs and takes new clients.');
}

function silent(probes: readonly Probe[], service: HttpService, file: string | undefined): Finding {
  const where = places(probes);
  if (service.state === 'answers') {
    return finding(
      'problem',
      'server_not_listening',
      `The server runs, as its HTTP service answers, but nothing answers to STUN at ${where}. Listeners and relays were not tested.`,
      'Compare listen.* with what the running server began with, and look what its log says about these addresses.',
    );
  }
  return finding(
    'problem',
    'server_not_running',
    `The server does not run, or not with this configuration: nothing answers at ${where}. Listeners and relays were not tested.`,
    `Start it: taciturn serve${file === undefined ? '' : ` --config ${file}`}`,
  );
}

function places(probes: readonly Probe[]): string {
  const distinct = [...new Set(probes.map(({ server }) => `${server.ip.text} port ${server.port}`))];
  const shown = distinct.slice(0, 3).join(', ');
  return distinct.length > 3 ? `${shown} and ${distinct.length - 3} more` : shown;
}
