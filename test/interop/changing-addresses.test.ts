import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMakeNamespaces, inNamespace, ip } from './network-namespaces.ts';
import { run } from './peers.ts';
import { launcher, sharedSecret, Taciturn } from './taciturn.ts';

describe.skipIf(!canMakeNamespaces())('a machine whose address changes while the server runs', () => {
  const namespace = `tac-c-${randomBytes(3).toString('hex')}`;
  const prefix = inNamespace(namespace);
  let server: Taciturn | undefined;

  beforeAll(async () => {
    ip('netns', 'add', namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'far');
    ip('-n', namespace, 'link', 'set', 'uplink', 'up');
    ip('-n', namespace, 'link', 'set', 'far', 'up');
    ip('-n', namespace, 'address', 'add', '10.77.3.1/24', 'dev', 'uplink');
    server = await Taciturn.start('', { listen: 'auto', prefix });
  });

  afterAll(async () => {
    await server?.stop();
    ip('netns', 'delete', namespace);
  });

  /** What `taciturn check` says inside, as a client there would find it. */
  async function relayedAt(address: string): Promise<string | undefined> {
    const url = `turn:${address}:${server!.port}?transport=udp`;
    const [command, ...rest] = [
      ...prefix,
      process.execPath,
      launcher,
      'check',
      url,
      '--no-quality',
      '--secret-file',
      '-',
    ];
    const { code, stdout } = await run(command!, rest, { input: sharedSecret });
    return code === 0 ? /relayed ([\d.]+):/.exec(stdout)?.[1] : stdout;
  }

  it('listens on the new address, and relays from it', { timeout: 60_000 }, async () => {
    expect(await relayedAt('10.77.3.1')).toBe('10.77.3.1');
    ip('-n', namespace, 'address', 'add', '10.77.4.1/24', 'dev', 'uplink');
    ip('-n', namespace, 'address', 'delete', '10.77.3.1/24', 'dev', 'uplink');
    await server!.program.waitFor(/"event":"relay-address","family":"ipv4"/);
    expect(await relayedAt('10.77.4.1')).toBe('10.77.4.1');
  });
});
