import type { Configuration } from '../../config/settings.ts';
import { databaseFile } from '../../store/sqlite/sqlite-store.ts';
import { counted } from '../operator/amounts.ts';
import { type Finding, findingsAbout } from './finding.ts';
import type { HttpService } from './http-service.ts';
import type { StoreLook } from './store-look.ts';

const finding = findingsAbout('store');

export interface StoreDependencies {
  readonly lookAtStore: () => Promise<StoreLook>;
}

/**
 * Whether keys, users, revocations and usage can be had, and whether there is a key to begin with.
 *
 * @param file the configuration file, for the commands that are proposed.
 */
export async function storeFindings(
  configuration: Configuration,
  service: HttpService,
  file: string | undefined,
  { lookAtStore }: StoreDependencies,
): Promise<Finding[]> {
  const look = await lookAtStore();
  const running = service.state === 'answers' ? service : undefined;
  const found = judge(look, configuration, running !== undefined);
  if (look.state === 'there' && look.keys === 0 && configuration.http.enabled) found.push(noKey(file));
  if (running?.metrics.get('taciturn_store_available') === 0) found.push(lost);
  return found;
}

function judge(look: StoreLook, { dataDir, store: { redis } }: Configuration, runs: boolean): Finding[] {
  const path = databaseFile(dataDir);
  switch (look.state) {
    case 'missing':
      return [runs ? vanished(path) : notMade(path)];
    case 'closed':
      return [
        finding(
          'not-tested',
          'store_closed',
          `The store was not tested: this user may not read ${path}.`,
          'Run doctor as the user that runs the server; if this is that user, correct the owner of the file and of its directory.',
        ),
      ];
    case 'unavailable':
      return [
        finding(
          'problem',
          redis === undefined ? 'store_unusable' : 'redis_unreachable',
          look.why,
          redis === undefined
            ? 'Mend it while the server is stopped: without its store it does not start, and issues and revokes nothing.'
            : 'Start Redis or correct store.redis: without its store the server does not start, and issues and revokes nothing.',
        ),
      ];
    case 'newer':
      return [
        finding(
          'problem',
          'store_newer',
          `${path} was written by a newer taciturn: its schema is ${look.schema.found}, this one knows ${look.schema.known}.`,
          'Run the newer version, or restore a backup from before it.',
          { schema: look.schema },
        ),
      ];
    case 'there':
      return there(look, redis === undefined ? `The SQLite database ${path}` : 'Redis');
  }
}

function there(look: Extract<StoreLook, { state: 'there' }>, what: string): Finding[] {
  const { schema, keys, users, unwritable } = look;
  const facts = { keys, users, ...(schema && { schema }) };
  const content = `${amount(keys, 'API key')} and ${amount(users, 'user')}`;
  const found = [finding('ok', 'store', `${what} can be read, and has ${content}.`, undefined, facts)];
  if (unwritable !== undefined) {
    found.push(
      finding(
        'problem',
        'store_unwritable',
        unwritable,
        'Mend that: until then no key can be made, nothing be revoked, and usage is lost. If doctor runs as another user than the server, run it as that one.',
      ),
    );
  }
  if (schema !== undefined && schema.found < schema.known) {
    found.push(
      finding(
        'warning',
        'store_older',
        `The schema of the database is ${schema.found}, and this version works with ${schema.known}: an older taciturn has made it.`,
        'Make a backup, and start this version, which brings it up to date.',
      ),
    );
  }
  return found;
}

function amount(count: number, one: string): string {
  return count === 0 ? `no ${one}s` : counted(count, one);
}

function notMade(path: string): Finding {
  return finding(
    'not-tested',
    'store_missing',
    `The store was not tested: there is no database ${path} yet.`,
    'Start the server, which makes it; if it was started before, run doctor with its configuration and in its working directory.',
  );
}

function vanished(path: string): Finding {
  return finding(
    'problem',
    'store_vanished',
    `The server runs, but there is no database ${path}: the server has another data directory, or the file was removed under it.`,
    'Run doctor with the configuration and in the working directory of the server; if the file was removed, restore it from a backup and start the server again.',
  );
}

function noKey(file: string | undefined): Finding {
  const place = file === undefined ? '' : ` --config ${file}`;
  return finding(
    'warning',
    'no_api_key',
    'There is no API key, so the HTTP service issues no credentials and obeys nobody.',
    `Make one: taciturn keys create --name app --scope issue${place}`,
  );
}

const lost = finding(
  'problem',
  'store_unavailable',
  'The running server says that its store cannot be had: nothing is issued or revoked until it is back, and calls go on.',
  'Its log says why (event store-unavailable); it tries again by itself.',
);
