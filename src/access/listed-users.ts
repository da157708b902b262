import type { ListedUser, UserService } from '../api/dependencies.ts';
import { canonicalUsername } from '../credentials/static-users.ts';
import type { Store, StoredUser } from '../store/store.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { UnixSeconds } from '../turn/time.ts';
import type { KnownAccess } from './known-access.ts';

/** The static users: those of the configuration, which count where both have a name, and those in the store. */
export class ListedUsers implements UserService {
  readonly #store: Store;
  readonly #known: KnownAccess;

  constructor(store: Store, known: KnownAccess) {
    this.#store = store;
    this.#known = known;
  }

  async list(): Promise<readonly ListedUser[]> {
    const { realm, configuredUsers } = this.#known.options;
    const configured = configuredUsers().map(({ name }): ListedUser => {
      return { name, from: 'configuration', createdAt: undefined, worksWith: ['md5', 'sha256'] };
    });
    const taken = new Set(configured.map(({ name }) => canonicalUsername(name)));
    const stored = (await this.#store.users())
      .filter(({ name }) => !taken.has(canonicalUsername(name)))
      .map((user): ListedUser => {
        return { name: user.name, from: 'store', createdAt: user.createdAt, worksWith: worksWith(user, realm) };
      });
    return [...configured, ...stored].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  passwordFault(password: string): string | undefined {
    return this.#known.options.passwordFault(password);
  }

  async put(given: string, password: string): Promise<'added' | 'replaced' | 'configured'> {
    const name = canonicalUsername(given);
    if (this.#known.isConfigured(name)) return 'configured';
    const { realm, now } = this.#known.options;
    const user = storedUser(name, realm, password, now());
    const isNew = await this.#store.putUser(user);
    this.#known.replaceUsers([...this.#known.users.values()].filter((other) => other.name !== name).concat(user));
    return isNew ? 'added' : 'replaced';
  }

  async remove(given: string): Promise<'removed' | 'unknown' | 'configured'> {
    if (this.#known.isConfigured(given)) return 'configured';
    // Former versions kept names as they were given.
    for (const name of new Set([canonicalUsername(given), given])) {
      if (!(await this.#store.removeUser(name))) continue;
      this.#known.replaceUsers([...this.#known.users.values()].filter((other) => other.name !== name));
      return 'removed';
    }
    return 'unknown';
  }
}

/** What is stored of a user: the long-term keys of both algorithms, and not the password. */
export function storedUser(name: string, realm: string, password: string, now: UnixSeconds): StoredUser {
  const hex = (algorithm: PasswordAlgorithm) => longTermKey(algorithm, name, realm, password).toString('hex');
  const { md5, sha256 } = PasswordAlgorithm;
  return { name, realm, md5Key: hex(md5), sha256Key: hex(sha256), createdAt: now };
}

function worksWith({ realm, sha256Key }: StoredUser, today: string): ListedUser['worksWith'] {
  if (realm !== today) return [];
  return sha256Key === undefined ? ['md5'] : ['md5', 'sha256'];
}
