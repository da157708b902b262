import { failure, type Result, success } from '../client/result.ts';
import type { IceServer } from './ice-server.ts';

/** Why a document holds no servers, as a sentence. */
export interface IceServersError {
  readonly code: 'not_json' | 'html' | 'refused' | 'no_servers' | 'bad_server';
  readonly reason: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Where services put their list: most in `iceServers`, Twilio in `ice_servers`; Xirsys puts all of it into `v`, or once into `d`. */
const listKeys = ['iceServers', 'ice_servers'] as const;
const envelopeKeys = ['v', 'd', 'data', 'result'] as const;
/** How many envelopes may be in one another. */
const MAX_ENVELOPES = 4;
/** An app has a handful; all of them are asked at once. */
const MAX_URLS = 100;

/**
 * Reads `iceServers` in the forms in which apps and services have them: an `RTCConfiguration`, `{iceServers}`, a list, a single
 * server, `urls` as a list or a text, the former `url`, and what Cloudflare, Twilio, Metered, Xirsys and the TURN REST draft answer.
 */
export function readIceServers(text: string): Result<readonly IceServer[], IceServersError> {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return notJson(text);
  }
  const servers = fromDocument(document, 0);
  if (!servers.ok || servers.value.reduce((sum, { urls }) => sum + urls.length, 0) <= MAX_URLS) return servers;
  return refuse('bad_server', `there are more than ${MAX_URLS} URLs in it, and an app has a handful`);
}

function notJson(text: string): Result<never, IceServersError> {
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) {
    return refuse('html', 'it is a web page and not JSON');
  }
  if (text.trim() === '') return refuse('not_json', 'it is empty');
  return refuse('not_json', 'it is not JSON');
}

function fromDocument(document: unknown, envelopes: number): Result<readonly IceServer[], IceServersError> {
  if (Array.isArray(document)) return fromList(document);
  if (!isObject(document)) return refuse('no_servers', 'it is neither a list of servers nor an object that holds one');
  for (const key of listKeys) if (document[key] !== undefined) return fromValue(document[key], key);
  if (document.urls !== undefined || document.url !== undefined || document.uris !== undefined) {
    return fromList([document]);
  }
  const said = complaintOf(document);
  if (said !== undefined) return refuse('refused', `it is an error of the service: ${said}`);
  for (const key of envelopeKeys) {
    if (envelopes < MAX_ENVELOPES && isObject(document[key])) return fromDocument(document[key], envelopes + 1);
  }
  return refuse('no_servers', 'there is no iceServers, ice_servers, urls or uris in it');
}

/** A list, or the one server that some services put in its place. */
function fromValue(value: unknown, key: string): Result<readonly IceServer[], IceServersError> {
  if (Array.isArray(value)) return fromList(value);
  return isObject(value) ? fromList([value]) : refuse('bad_server', `${key} is no list of servers`);
}

function fromList(list: readonly unknown[]): Result<readonly IceServer[], IceServersError> {
  const servers: IceServer[] = [];
  for (const [index, entry] of list.entries()) {
    const server = serverOf(entry, list.length > 1 ? `server ${index + 1}` : 'the server');
    if (!server.ok) return server;
    servers.push(server.value);
  }
  return success(servers);
}

function serverOf(entry: unknown, which: string): Result<IceServer, IceServersError> {
  if (typeof entry === 'string') return success({ urls: [entry] });
  if (!isObject(entry)) return refuse('bad_server', `${which} is no object`);
  const urls = urlsOf(entry);
  if (urls === undefined) return refuse('bad_server', `${which} has no urls, or one that is no text`);
  const username = textOf(entry.username);
  // The TURN REST draft says password, and so did browsers before 2013.
  const credential = textOf(entry.credential ?? entry.password);
  if (username === null || credential === null) {
    return refuse('bad_server', `the username or the credential of ${which} is no text; OAuth is not supported`);
  }
  if (username === undefined || credential === undefined) return success({ urls });
  return success({ urls, credentials: { username, password: credential, source: 'password' } });
}

function urlsOf({ urls, url, uris }: Json): readonly string[] | undefined {
  const given = urls ?? url ?? uris;
  const list = Array.isArray(given) ? given : [given];
  return list.length > 0 && list.every((one) => typeof one === 'string') ? list : undefined;
}

/** `null` when it is something else than a text. */
function textOf(value: unknown): string | undefined | null {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : null;
}

/** What a service says in place of servers: Xirsys with `s: error`, others with `error` or `message`. */
function complaintOf(document: Json): string | undefined {
  const { s, v, error, message } = document;
  const said = s === 'error' ? v : isObject(error) ? (error.message ?? error.code) : (error ?? message);
  // It comes from the network: unprintable characters have no business on a terminal.
  return typeof said === 'string' && said !== '' ? said.slice(0, 200).replaceAll(/\p{C}/gu, '\ufffd') : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(code: IceServersError['code'], reason: string): Result<never, IceServersError> {
  return failure({ code, reason });
}
