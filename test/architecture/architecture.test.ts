import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allowedImports, pureFolders, type Source, violations } from './source-rules.ts';

const root = join(import.meta.dirname, '..', '..');

function sources(): Source[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      path: `src/${name.replaceAll('\\', '/')}`,
      text: readFileSync(join(root, 'src', name), 'utf8'),
    }));
}

describe('the sources', () => {
  it('keep pure folders pure, imports going down, and default exports out', () => {
    const all = sources();
    expect(all.length).toBeGreaterThan(50);
    expect(all.flatMap(violations)).toEqual([]);
  });

  it('are in folders whose imports are spelled out', () => {
    const folders = new Set(sources().flatMap(({ path }) => path.split('/').slice(1, -1).slice(0, 1)));
    expect([...folders].filter((folder) => !allowedImports.has(folder))).toEqual([]);
  });

  it('have rules that only point down', () => {
    const order = [...allowedImports.keys()];
    for (const [i, folder] of order.entries()) {
      for (const target of allowedImports.get(folder)!) {
        expect(order.indexOf(target)).toBeGreaterThanOrEqual(0);
        expect(order.indexOf(target)).toBeLessThan(i);
      }
    }
    for (const folder of pureFolders) {
      for (const target of allowedImports.get(folder)!) expect(pureFolders).toContain(target);
    }
  });
});

describe('the check', () => {
  const found = (path: string, text: string) => violations({ path, text }).map((line) => line.replace(/^\S+ /, ''));

  it.each([
    ["import { createSocket } from 'node:dgram';", 'imports node:dgram into a pure folder'],
    ["import type { Socket } from 'node:dgram';", 'imports node:dgram into a pure folder'],
    ["import { connect, isIP } from 'node:net';", 'imports connect of node:net into a pure folder'],
    ["import { connect as isIP } from 'node:net';", 'imports connect of node:net into a pure folder'],
    ["import * as net from 'node:net';", 'imports all of node:net into a pure folder'],
    ["import net from 'node:net';", 'imports all of node:net into a pure folder'],
    ["import 'node:net';", 'imports all of node:net into a pure folder'],
    ["import { randomBytes } from 'node:crypto';", 'imports randomBytes of node:crypto into a pure folder'],
    ["import { readFileSync } from 'node:fs';", 'imports node:fs into a pure folder'],
    ["import { setTimeout } from 'node:timers/promises';", 'imports node:timers/promises into a pure folder'],
    ["import { performance } from 'node:perf_hooks';", 'imports node:perf_hooks into a pure folder'],
    ["import { pino } from 'pino';", 'imports pino into a pure folder'],
    ["export * from 'node:tls';", 'imports node:tls into a pure folder'],
    ["await import('node:http');", 'imports node:http into a pure folder'],
    ['await import(name);', 'imports (computed) into a pure folder'],
    ['const now = Date.now();', 'uses Date in a pure folder'],
    ['let when: Date;', 'uses Date in a pure folder'],
    ['const { random } = Math;', 'uses Math.random in a pure folder'],
    ["Math['random']();", 'uses Math.random in a pure folder'],
    ['const port = Math.random();', 'uses Math.random in a pure folder'],
    ['setTimeout(f, 1);', 'uses setTimeout in a pure folder'],
    ['const later = setInterval;', 'uses setInterval in a pure folder'],
    ['setImmediate(f);', 'uses setImmediate in a pure folder'],
    ['performance.now();', 'uses performance in a pure folder'],
    ['process.env.X;', 'uses process in a pure folder'],
    ["console.log('x');", 'uses console in a pure folder'],
    ["globalThis['Date'];", 'uses globalThis in a pure folder'],
    ["import { relay } from '../relay/relay-plane.ts';", 'imports from src/relay, which src/turn may not'],
    ["import { x } from '../unheard-of/x.ts';", 'imports from src/unheard-of, which src/turn may not'],
    [
      "import { Scenario } from '../../test/virtual-network/scenario.ts';",
      'imports test/virtual-network/scenario.ts, which is outside src',
    ],
    ['export default 1;', 'has a default export'],
    ['export default class {}', 'has a default export'],
    ['const x = 1; export { x as default };', 'has a default export'],
  ])('sees what is wrong with %s', (text, what) => {
    expect(found('src/turn/bad.ts', text)).toContain(what);
  });

  it.each([
    "import { isIPv4 } from 'node:net';",
    "import { createHmac, timingSafeEqual } from 'node:crypto';",
    "import { StunMessage } from '../stun/message.ts';",
    '// Date.now(), setTimeout and console.log are not called here',
    "const text = 'process.exit() Math.random()';",
    'const x = Math.max(1, 2);',
    'options.process({ Date: 1, console: 2 });',
    'interface Clock { performance: number }',
  ])('lets pass %s', (text) => {
    expect(found('src/turn/good.ts', text)).toEqual([]);
  });

  it('asks less of folders that do the work, and of tests', () => {
    expect(found('src/relay/dgram/plane.ts', "import { createSocket } from 'node:dgram'; setTimeout(f, 1);")).toEqual(
      [],
    );
    expect(found('src/turn/x.test.ts', "import { Scenario } from '../../test/virtual-network/scenario.ts';")).toEqual(
      [],
    );
  });

  it('sees imports that go up between the other folders', () => {
    expect(found('src/relay/dgram/plane.ts', "import { x } from '../../daemon/x.ts';")).toEqual([
      'imports from src/daemon, which src/relay may not',
    ]);
    expect(found('src/unheard-of/x.ts', "import { x } from '../stun/message.ts';")).toEqual([
      'is in a folder of which nobody has said what it may import',
    ]);
  });
});
