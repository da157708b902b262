import { loadConfiguration } from '../config/load-configuration.ts';
import { DataDirectoryError, sharedSecretFile } from '../credentials/first-start.ts';
import { Daemon, type DaemonOptions } from '../daemon/daemon.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import { StartError } from '../daemon/start-error.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { badConfiguration, CommandFailure } from './command-failure.ts';
import { addConfigurationFlags, configurationFile, readConfigurationFlags } from './configuration-flags.ts';
import { renderStart } from './render-start.ts';
import { usesColour } from './styles.ts';

const examples = `
Examples:
  $ taciturn serve
  $ taciturn serve --config /etc/taciturn/taciturn.yaml
  $ taciturn serve --external-ipv4 198.51.100.7 --relay-ports 50000-50999

SIGHUP reads configuration and certificates again; a certificate is also read when its files change.
SIGTERM or SIGINT takes no new allocations and ends when the last one is gone, or after shutdown.deadline; a second one ends at once.`;

/** `taciturn serve` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('serve')
    .description('Run the STUN/TURN server and its HTTP service')
    .option('--json', 'what was chosen at the start as one JSON document on stdout; the log goes to stderr')
    .addHelpText('after', examples)
    .action(async (options: { config?: string; json?: boolean }) => {
      await run(options, context);
      context.complete(ExitCode.success);
    });
  addConfigurationFlags(command);
};

async function run(options: { config?: string; json?: boolean }, context: CommandContext): Promise<void> {
  const { environment, workingDirectory } = context;
  const file = configurationFile(options, environment);
  const flags = readConfigurationFlags({ ...options });
  const load = () => loadConfiguration({ file, environment, flags, workingDirectory });
  const loaded = load();
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const { configuration } = loaded;
  const { stdout, stderr } = context.streams;
  const stream = options.json === true ? stderr : stdout;
  const log = createLog({ ...configuration.log, stream, color: usesColour(stream, environment) });

  const daemon = await start({ configuration, load, log, version: context.version });
  const secretFile =
    configuration.authentication.sharedSecrets.length > 0 ? undefined : sharedSecretFile(configuration.dataDir);
  renderStart(daemon.report, { secretFile, json: options.json === true, launcher: launcher(environment) }, context);
  for (const notice of daemon.report.notices) log.warn({ event: 'notice' }, notice);
  log.info({ event: 'started', version: context.version, plane: daemon.report.plane.name }, 'taciturn is ready');

  const manager = ServiceManager.find(environment, {
    healthy: () => daemon.isHealthy(),
    describe: () => `${daemon.allocations} allocations`,
    trouble: (why) => log.warn({ event: 'service-manager' }, why),
  });
  manager.ready();
  await untilStopped(daemon, manager, log);
  await manager.close();
}

async function start(options: DaemonOptions): Promise<Daemon> {
  try {
    return await Daemon.start(options);
  } catch (error) {
    if (error instanceof StartError || error instanceof DataDirectoryError) {
      throw new CommandFailure(ExitCode.failure, 'cannot_start', error.message);
    }
    throw error;
  }
}

/** Waits for the first signal, then for the allocations to end, for the deadline, or for a second signal. */
async function untilStopped(daemon: Daemon, manager: ServiceManager, log: Log): Promise<void> {
  const signals = new SignalQueue();
  // Also keeps a daemon whose terminal is closed from ending.
  const reload = (): void => {
    manager.reloading();
    const outcome = daemon.reloadAtSignal();
    if (!outcome.ok) {
      const { problems } = outcome;
      log.error(
        { event: 'reload-refused', problems },
        `nothing is changed, because the configuration is no good: ${problems.join('; ')}`,
      );
    }
    manager.ready();
  };
  process.on('SIGHUP', reload);
  const first = await signals.next();
  const { deadlineMilliseconds } = daemon.configuration.shutdown;
  manager.stopping(deadlineMilliseconds);
  const { allocations } = daemon;
  log.info(
    { event: 'draining', signal: first, allocations, deadlineMilliseconds },
    allocations === 0 ? `${first}: stopping` : `${first}: no new allocations; waiting for ${allocations} to end`,
  );
  const ended = await Promise.race([daemon.drain(deadlineMilliseconds).then(() => 'drained'), signals.next()]);
  if (ended !== 'drained') log.warn({ event: 'stopping', signal: ended }, `${ended} again: ending at once`);
  signals.close();
  process.off('SIGHUP', reload);
  await daemon.stop();
  log.info({ event: 'stopped' }, 'stopped');
}

/** SIGTERM and SIGINT, one after the other. */
class SignalQueue {
  readonly #received: NodeJS.Signals[] = [];
  #waiting: ((signal: NodeJS.Signals) => void) | undefined;
  readonly #receive = (signal: NodeJS.Signals): void => {
    if (this.#waiting === undefined) {
      this.#received.push(signal);
    } else {
      this.#waiting(signal);
      this.#waiting = undefined;
    }
  };

  constructor() {
    process.on('SIGTERM', this.#receive);
    process.on('SIGINT', this.#receive);
  }

  next(): Promise<NodeJS.Signals> {
    const received = this.#received.shift();
    if (received !== undefined) return Promise.resolve(received);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  close(): void {
    process.off('SIGTERM', this.#receive);
    process.off('SIGINT', this.#receive);
  }
}

/** How the user started us, for the lines that are shown to be pasted. */
function launcher(environment: CommandContext['environment']): string {
  return environment.npm_lifecycle_event === 'start' ? 'node bin/taciturn.js' : 'taciturn';
}
