import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMakeNamespaces, inNamespace, SeparateNetworks } from './network-namespaces.ts';
import { requirePeer } from './peers.ts';
import { type IssuedCredential, Taciturn } from './taciturn.ts';

interface Result {
  readonly echoed: number;
  readonly candidates: readonly string[];
}

/** Both peers of a call, each a process of its own, with nothing but the `iceServers` that an app would get. */
async function call(
  script: string,
  iceServers: IssuedCredential['iceServers'],
  prefixes: { readonly caller: readonly string[]; readonly callee: readonly string[] },
): Promise<Result> {
  const path = fileURLToPath(new URL(`webrtc/${script}`, import.meta.url));
  const start = (role: 'caller' | 'callee') => {
    const [command, ...args] = [...prefixes[role], process.execPath, path];
    const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write(`${JSON.stringify({ role, iceServers })}\n`);
    return child;
  };
  const callee = start('callee');
  const caller = start('caller');
  try {
    createInterface({ input: callee.stdout }).on('line', (line) => caller.stdin.write(`${line}\n`));
    return await new Promise((resolve, reject) => {
      createInterface({ input: caller.stdout }).on('line', (line) => {
        const message = JSON.parse(line) as { result?: Result };
        if (message.result) resolve(message.result);
        else callee.stdin.write(`${line}\n`);
      });
      for (const child of [caller, callee]) child.once('exit', (code) => reject(new Error(`${script} ended: ${code}`)));
    });
  } finally {
    caller.kill('SIGKILL');
    callee.kill('SIGKILL');
  }
}

describe('two peers on one machine that may only use a relay talk through it', () => {
  let server: Taciturn;
  beforeAll(async () => {
    server = await Taciturn.start();
  });
  afterAll(() => server.stop());

  // libdatachannel is not among them: it checks relay candidates from its own socket too, which finds a direct way here.
  for (const [name, script] of [
    ['@roamhq/wrtc', 'roamhq-wrtc.js'],
    ['werift', 'werift.js'],
  ] as const) {
    it.skipIf(!requirePeer(`npm:${name}`))(
      `${name}: 1,000 messages over a data channel`,
      { timeout: 90_000 },
      async () => {
        const before = await server.metric('taciturn_relayed_packets_total');
        const { iceServers } = await server.issueCredential({ user: 'app' });
        const result = await call(script, iceServers, { caller: [], callee: [] });
        expect(result).toEqual({ echoed: 1000, candidates: ['relay', 'relay'] });
        expect(await server.metric('taciturn_relayed_packets_total')).toBeGreaterThan(before + 1000);
      },
    );
  }
});

describe.skipIf(!canMakeNamespaces())('two peers whose networks reach the server and nothing else', () => {
  let networks: SeparateNetworks;
  let server: Taciturn;
  beforeAll(async () => {
    networks = new SeparateNetworks();
    const prefix = inNamespace(networks.server);
    server = await Taciturn.start('', { listen: [networks.serverAddress], prefix });
  });
  afterAll(async () => {
    await server?.stop();
    networks.remove();
  });

  for (const [name, script, candidates] of [
    ['@roamhq/wrtc', 'roamhq-wrtc.js', ['relay', 'relay']],
    ['node-datachannel', 'node-datachannel.js', ['relay']],
  ] as const) {
    it.skipIf(!requirePeer(`npm:${name}`))(
      `${name}: 1,000 messages over a data channel`,
      { timeout: 90_000 },
      async () => {
        const { iceServers } = await server.issueCredential({ user: 'app' });
        const prefixes = { caller: inNamespace(networks.caller), callee: inNamespace(networks.callee) };
        expect(await call(script, iceServers, prefixes)).toEqual({ echoed: 1000, candidates });
      },
    );
  }
});
