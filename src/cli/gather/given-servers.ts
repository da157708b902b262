import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../../client/clock.ts';
import { isSecure, isStunOnly, parseIceUrl } from '../../client/ice-url.ts';
import { explainReadFailure } from '../../config/read-failure.ts';
import type { IceServer } from '../../ice/ice-server.ts';
import { readIceServers } from '../../ice/read-ice-servers.ts';
import type { LadderCredentials } from '../../ladder/credentials.ts';
import { type CredentialOptions, checkCredentials, firstLine } from '../check-credentials.ts';
import type { CommandContext } from '../command-context.ts';
import { wrongUsage } from '../command-failure.ts';
import { fetchIceServers } from './fetch-ice-servers.ts';

export interface ServerOptions extends CredentialOptions {
  readonly iceServer?: readonly string[];
  readonly iceServers?: string;
  readonly credentialsUrl?: string;
  readonly keyFile?: string;
  readonly method: 'GET' | 'POST';
}

/** A service that takes longer is of no use before a call. */
const SERVICE_TIMEOUT_MS = 10_000;

/** All servers that the options name: as URLs, in a document, and from a service. */
export async function givenServers(options: ServerOptions, context: CommandContext): Promise<readonly IceServer[]> {
  refuseTwiceStdin(options);
  const { iceServer = [], iceServers, credentialsUrl } = options;
  if (credentialsUrl === undefined && options.keyFile !== undefined) {
    throw wrongUsage('--key-file is the key for --credentials-url, which is missing.');
  }
  const credentials = await checkCredentials(options, context);
  const servers: IceServer[] = iceServer.map((url) => typedServer(url, credentials));
  if (iceServers !== undefined) servers.push(...(await documentServers(iceServers, context)));
  if (credentialsUrl !== undefined) servers.push(...(await serviceServers(credentialsUrl, options, context)));
  return servers;
}

/** What somebody has typed may be corrected at once; in a document it is reported as what it is: a server that fails. */
function typedServer(text: string, credentials: LadderCredentials | undefined): IceServer {
  const parsed = parseIceUrl(text);
  if (!parsed.ok) throw wrongUsage(`--ice-server ${text} is no STUN or TURN URL: ${parsed.error.reason}.`);
  const url = parsed.value;
  if (isSecure(url) && url.transport === 'udp') {
    throw wrongUsage(
      `--ice-server ${text}: turns: over UDP is DTLS, which neither this nor a browser speaks. Leave ?transport=udp out for TLS over TCP.`,
    );
  }
  return { urls: [text], ...(credentials && !isStunOnly(url) && { credentials }) };
}

async function documentServers(file: string, context: CommandContext): Promise<readonly IceServer[]> {
  const { streams, workingDirectory } = context;
  let content: string;
  try {
    content = file === '-' ? await text(streams.stdin) : readFileSync(resolve(workingDirectory, file), 'utf8');
  } catch (error) {
    throw wrongUsage(`--ice-servers ${file}: ${explainReadFailure(error)}`);
  }
  const servers = readIceServers(content);
  if (servers.ok) return servers.value;
  throw wrongUsage(
    `--ice-servers ${file === '-' ? '(stdin)' : file} holds no ICE servers: ${servers.error.reason}. Give what an app passes to RTCPeerConnection, as JSON: with its names and texts in double quotes.`,
  );
}

async function serviceServers(
  url: string,
  { keyFile, method }: ServerOptions,
  context: CommandContext,
): Promise<readonly IceServer[]> {
  const { TACITURN_API_KEY } = context.environment;
  const given = keyFile === undefined ? TACITURN_API_KEY : await firstLine('--key-file', keyFile, context);
  const key = given?.trim();
  if (key !== undefined && /[^\x21-\x7e]/.test(key)) {
    throw wrongUsage('What was given as the key is none: it holds spaces or characters that no HTTP header can carry.');
  }
  const request = { url, method, key: key === '' ? undefined : key, timeoutMs: SERVICE_TIMEOUT_MS };
  return fetchIceServers(request, { clock: systemClock, fetch });
}

function refuseTwiceStdin({ iceServers, keyFile, passwordFile, secretFile }: ServerOptions): void {
  const flags = [
    ['--ice-servers', iceServers],
    ['--key-file', keyFile],
    ['--password-file', passwordFile],
    ['--secret-file', secretFile],
  ].flatMap(([flag, file]) => (file === '-' ? [flag] : []));
  if (flags.length > 1) throw wrongUsage(`${flags.join(' and ')} cannot all be read from stdin: put one into a file.`);
}
