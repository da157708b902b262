import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { NetworkNamespace } from '../network-namespaces.ts';
import { findOnPath } from '../peers.ts';
import type { GatheredBy, RtcConfiguration } from './stacks.ts';

/** A page of Chromium in a network namespace, whose peer connections gather candidates. */
export class GatheringBrowser {
  readonly #browser: BrowserContext;
  readonly #page: Page;
  readonly #home: string;

  private constructor(browser: BrowserContext, page: Page, home: string) {
    this.#browser = browser;
    this.#page = page;
    this.#home = home;
  }

  /** @param caFile an authority that this browser trusts, as it would one of the public ones */
  static async start(namespace: NetworkNamespace, caFile: string): Promise<GatheringBrowser> {
    const home = mkdtempSync(join(tmpdir(), 'taciturn-chromium-'));
    trust(home, caFile);
    const program = join(home, 'chromium');
    writeFileSync(program, `#!/bin/sh\nexec ${namespace.prefix.join(' ')} ${findOnPath('chromium')} "$@"\n`);
    chmodSync(program, 0o755);
    const browser = await chromium.launchPersistentContext(join(home, 'profile'), {
      executablePath: program,
      headless: true,
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        '--use-fake-device-for-media-stream',
      ],
    });
    const page = await browser.newPage();
    // Nothing is fetched: browsers show a camera to pages of this machine, and this is one to them.
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
    await page.goto('http://localhost/');
    return new GatheringBrowser(browser, page, home);
  }

  /** Lets the page use the camera; from then on its candidates show addresses in place of mDNS names. */
  async allowCamera(): Promise<void> {
    await this.#browser.grantPermissions(['camera']);
    await this.#page.evaluate(useCamera);
  }

  gather(configuration: RtcConfiguration): Promise<GatheredBy> {
    return this.#page.evaluate(gatherInPage, { configuration, urlsThatFail: 0 });
  }

  /** Gathers until errors have come for so many URLs: to be done with a server that is silent takes a browser minutes. */
  gatherErrors(configuration: RtcConfiguration, urlsThatFail: number): Promise<GatheredBy> {
    return this.#page.evaluate(gatherInPage, { configuration, urlsThatFail });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

function trust(home: string, caFile: string): void {
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args: string[]) => execFileSync('certutil', [...args, '-d', `sql:${database}`]);
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'the test authority', '-t', 'C,,', '-i', caFile);
}

/** What a page knows of WebRTC, as far as it is needed here. */
interface PeerConnection extends EventTarget {
  readonly iceGatheringState: string;
  createDataChannel(label: string): void;
  createOffer(): Promise<unknown>;
  setLocalDescription(description: unknown): Promise<void>;
  close(): void;
}

interface PageGlobals {
  readonly RTCPeerConnection: new (configuration: RtcConfiguration) => PeerConnection;
  readonly navigator: { readonly mediaDevices: { getUserMedia(wishes: object): Promise<unknown> } };
}

/** Runs in the page. */
async function useCamera(): Promise<void> {
  const { navigator } = globalThis as unknown as PageGlobals;
  // It is held for as long as the page is open.
  (globalThis as { camera?: unknown }).camera = await navigator.mediaDevices.getUserMedia({ video: true });
}

/** Runs in the page. */
async function gatherInPage({
  configuration,
  urlsThatFail,
}: {
  readonly configuration: RtcConfiguration;
  readonly urlsThatFail: number;
}): Promise<GatheredBy> {
  const { RTCPeerConnection } = globalThis as unknown as PageGlobals;
  const connection = new RTCPeerConnection(configuration);
  const candidates: string[] = [];
  const errors: { url: string; errorCode: number; errorText: string }[] = [];
  connection.addEventListener('icecandidate', (event) => {
    const { candidate } = event as Event & { candidate: { candidate: string } | null };
    if (candidate?.candidate) candidates.push(candidate.candidate);
  });
  const complete = new Promise<void>((resolve) => {
    connection.addEventListener('icecandidateerror', (event) => {
      const { url, errorCode, errorText } = event as Event & (typeof errors)[number];
      errors.push({ url, errorCode, errorText });
      if (new Set(errors.map((error) => error.url)).size === urlsThatFail) resolve();
    });
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') resolve();
    });
  });
  connection.createDataChannel('gather');
  await connection.setLocalDescription(await connection.createOffer());
  await complete;
  connection.close();
  return { candidates, errors };
}
