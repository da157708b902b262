import { type Directives, toggled, unneeded } from './directive.ts';
import { noCounterpart, refusedLine } from './fate.ts';

const log = 'the log goes to the standard output streams, which systemd or Docker keep';
const http = 'the HTTP service, taciturn status and taciturn sessions take its place';
const metrics = 'metrics are at GET /metrics of the HTTP service, see http.host and http.port';
const identity = 'the service manager chooses it: User= and Group= of the systemd unit';

/** How the process runs and what it tells. */
export const operationDirectives: Directives = {
  verbose: toggled(noCounterpart('allocations are logged at log.level: info, the default')),
  Verbose: toggled((_on, { line, draft }) => draft.set('log.level', 'debug', line)),
  'log-file': unneeded(log),
  'no-stdout-log': unneeded(log),
  syslog: unneeded(log),
  'syslog-facility': unneeded(log),
  'simple-log': unneeded(log),
  'new-log-timestamp': unneeded('log lines always have their time'),
  'new-log-timestamp-format': unneeded('log lines always have their time'),
  'log-binding': unneeded('Binding requests are counted in the metrics'),
  pidfile: unneeded('the service manager knows the process'),
  daemon: unneeded('the service manager keeps the process in the background'),
  'proc-user': unneeded(identity),
  'proc-group': unneeded(identity),
  fingerprint: unneeded('answers carry FINGERPRINT where the request does'),
  'no-software-attribute': unneeded('SOFTWARE is never sent'),
  'software-attribute': unneeded('SOFTWARE is never sent'),
  prod: unneeded('SOFTWARE is never sent'),
  prometheus: unneeded(metrics),
  'prometheus-port': unneeded(metrics),
  'prometheus-address': unneeded(metrics),
  'prometheus-path': unneeded(metrics),
  'prometheus-username-labels': unneeded('usage by user is at GET /v1/usage'),
  cli: unneeded(http),
  'no-cli': unneeded(http),
  'cli-ip': unneeded(http),
  'cli-port': unneeded(http),
  'cli-password': unneeded(http),
  'cli-max-output-sessions': unneeded(http),
  'web-admin': unneeded(http),
  'web-admin-ip': unneeded(http),
  'web-admin-port': unneeded(http),
  'web-admin-listen-on-workers': unneeded(http),
  'respond-http-unsupported': unneeded('HTTP on TURN ports is not answered'),
  'drain-min-allocations': unneeded('shutdown.deadline says how long a server drains'),
  'stun-only': toggled(refusedLine('TURN cannot be switched off; without credentials given to anybody, nobody relays')),
  'no-stun': toggled(
    noCounterpart('Binding requests are answered too, with small answers that limits.unauthenticated bounds'),
  ),
  ne: unneeded('relay.plane chooses by itself how packets are moved'),
  cpus: unneeded('relay.workers is one for each processor core by default'),
  version: unneeded('it is no setting'),
};
