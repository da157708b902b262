import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { canMakeNamespaces, SeparateNetworks } from './network-namespaces.ts';
import { requirePeer } from './peers.ts';
import { type IssuedCredential, offeredOver, Taciturn } from './taciturn.ts';

interface Result {
  readonly echoed: number;
  readonly candidates: readonly string[];
}

/** Both peers of a call, each a process of its own, with nothing but the `iceServers` that an app would get. */
async function call(
  script: string,
  iceServers: IssuedCredential['iceServers'],
  surroundings: {
    /** What to put in front of each command line. */
    readonly caller?: readonly string[];
    readonly callee?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<Result> {
  const path = fileURLToPath(new URL(`webrtc/${script}`, import.meta.url));
  const start = (role: 'caller' | 'callee') => {
    const [command, ...args] = [...(surroundings[role] ?? []), process.execPath, path];
    const env = { ...process.env, ...surroundings.env };
    const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
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

// libdatachannel is not among them: it checks relay candidates from its own socket too, which finds a direct way here, and it
// knows no other transport than UDP. @roamhq/wrtc comes as far as the certificate over TLS and always refuses it: it trusts
// the authorities compiled into it, and nothing adds another or takes the check away. The same library over TLS, with a
// certificate that it checks, is in test/browser.
const stacks = [
  { name: '@roamhq/wrtc', script: 'roamhq-wrtc.js', transports: ['udp', 'tcp'] },
  { name: 'werift', script: 'werift.js', transports: ['udp', 'tcp', 'tls'] },
] as const;

describe.skipIf(!requirePeer('openssl'))('two peers on one machine that may only use a relay talk through it', () => {
  let authority: CertificateAuthority;
  let server: Taciturn;
  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue();
    server = await Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`);
  });
  afterAll(async () => {
    await server?.stop();
    authority?.remove();
  });

  for (const { name, script, transports } of stacks) {
    for (const transport of transports) {
      it.skipIf(!requirePeer(`npm:${name}`))(
        `${name} over ${transport}: 1,000 messages over a data channel`,
        { timeout: 90_000 },
        async () => {
          const before = await server.metric('taciturn_relayed_packets_total');
          const { iceServers } = await server.issueCredential({ user: 'app' });
          const env = { NODE_EXTRA_CA_CERTS: authority.caFile };
          const result = await call(script, offeredOver(transport, iceServers), { env });
          expect(result).toEqual({ echoed: 1000, candidates: ['relay', 'relay'] });
          expect(await server.metric('taciturn_relayed_packets_total')).toBeGreaterThan(before + 1000);
        },
      );
    }
  }
});

describe.skipIf(!canMakeNamespaces())('two peers whose networks reach the server and nothing else', () => {
  let networks: SeparateNetworks;
  let server: Taciturn;
  beforeAll(async () => {
    networks = new SeparateNetworks();
    server = await Taciturn.start('', { listen: [networks.serverAddress], prefix: networks.server.prefix });
  });
  afterAll(async () => {
    await server?.stop();
    networks?.remove();
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
        const places = { caller: networks.caller.prefix, callee: networks.callee.prefix };
        const result = await call(script, offeredOver('udp', iceServers), places);
        expect(result).toEqual({ echoed: 1000, candidates });
      },
    );
  }
});
