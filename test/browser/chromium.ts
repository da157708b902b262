import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { findOnPath } from '../interop/peers.ts';
import type { IssuedCredential } from '../interop/taciturn.ts';
import { servePage } from './page-server.ts';

/** What the page reports of a call (call.js). */
export interface CallReport {
  readonly echoed: number;
  readonly framesShown: number;
  readonly framesDecoded: number;
  /** Of either peer: the types of its selected candidates, and how it reaches the relay. */
  readonly pairs: readonly { readonly local: string; readonly remote: string; readonly relayProtocol: string }[];
}

export interface CallingBrowser {
  /** Has the page make a call; rejects when there is no relay, or when it does not carry. */
  call(iceServers: IssuedCredential['iceServers']): Promise<CallReport>;
  close(): Promise<void>;
}

/**
 * Starts Debian's Chromium without a window, with a fake camera, in a home of its own, and opens the page.
 *
 * @param caFile an authority that this browser trusts. Chromium checks the certificate of a `turns:` server as it does that of
 *   a web page, name and all, and on Linux it also trusts what the NSS database of its user does. So the check is real;
 *   `--ignore-certificate-errors` would take it away, for TURN as well.
 */
export async function startChromium(caFile?: string): Promise<CallingBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'taciturn-chromium-'));
  if (caFile !== undefined) trust(home, caFile);
  const page = await servePage();
  let browser: BrowserContext | undefined;
  const close = async () => {
    await browser?.close();
    page.close();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    browser = await chromium.launchPersistentContext(join(home, 'profile'), {
      executablePath: findOnPath('chromium')!,
      headless: true,
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        ...['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
        // The server is on this machine, which may have no network but loopback.
        '--allow-loopback-in-peer-connection',
      ],
    });
    const tab = await browser.newPage();
    await tab.goto(page.url);
    return { call: (iceServers) => tab.evaluate(callInPage, iceServers), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs in the page. */
function callInPage(iceServers: IssuedCredential['iceServers']): Promise<CallReport> {
  return (globalThis as unknown as { call(servers: typeof iceServers): Promise<CallReport> }).call(iceServers);
}

function trust(home: string, caFile: string): void {
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args: string[]) => execFileSync('certutil', [...args, '-d', `sql:${database}`]);
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'the test authority', '-t', 'C,,', '-i', caFile);
}
