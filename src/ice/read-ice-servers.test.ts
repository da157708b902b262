import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIceServers } from './read-ice-servers.ts';

const turn = { urls: 'turn:turn.example.org', username: 'a', credential: 'b' };
const read = (value: unknown) => readIceServers(typeof value === 'string' ? value : JSON.stringify(value));
const servers = (value: unknown) => {
  const result = read(value);
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

const credentials = { username: 'a', password: 'b', source: 'password' };
const expected = [{ urls: ['turn:turn.example.org'], credentials }];

describe('iceServers are read', () => {
  it.each<[string, unknown]>([
    ['as an RTCConfiguration', { iceServers: [turn], iceTransportPolicy: 'relay' }],
    ['as a list', [turn]],
    ['as one server', turn],
    ['with one server where a list belongs, as Cloudflare had it', { iceServers: turn }],
    ['with urls as a list', [{ ...turn, urls: [turn.urls] }]],
    ['with the former url', [{ url: turn.urls, username: 'a', credential: 'b' }]],
    ['as Twilio answers', { username: 'x', password: 'y', ttl: '86400', ice_servers: [{ url: 'turn:x', ...turn }] }],
    ['as the TURN REST draft answers', { username: 'a', password: 'b', ttl: 86400, uris: [turn.urls] }],
    ['as Xirsys answers', { v: { iceServers: turn }, s: 'ok' }],
    ['as Xirsys answered once', { d: { iceServers: [turn] }, s: 200 }],
    ['behind a byte order mark', `\ufeff${JSON.stringify([turn])}`],
  ])('%s', (_, document) => {
    expect(servers(document)).toEqual(expected);
  });

  it('without credentials, and as bare URLs', () => {
    expect(servers([{ urls: 'stun:stun.example.org' }, 'stun:other.example.org'])).toEqual([
      { urls: ['stun:stun.example.org'] },
      { urls: ['stun:other.example.org'] },
    ]);
    expect(servers({ iceServers: [] })).toEqual([]);
  });

  it('as constructor, since names come from outside', () => {
    expect(servers([{ ...turn, username: 'constructor' }])[0]?.credentials?.username).toBe('constructor');
  });
});

describe('what holds no iceServers says why', () => {
  it.each<[unknown, string, RegExp]>([
    ['', 'not_json', /empty/],
    ['{', 'not_json', /not JSON/],
    ['<!DOCTYPE html><html></html>', 'html', /web page/],
    [{ servers: [] }, 'no_servers', /no iceServers/],
    [7, 'no_servers', /neither a list/],
    [{ iceServers: 'stun:a' }, 'bad_server', /no list/],
    [[{ username: 'a' }], 'bad_server', /no urls/],
    [[{ urls: [] }], 'bad_server', /no urls/],
    [[turn, { urls: [7] }], 'bad_server', /server 2 has no urls/],
    [[{ urls: 'turn:a', credential: { macKey: 'x' } }], 'bad_server', /OAuth/],
    [{ s: 'error', v: 'unauthorized' }, 'refused', /unauthorized/],
    [{ error: { code: 'forbidden', message: 'No.' } }, 'refused', /No\./],
    [{ message: 'No\u001b[2J.' }, 'refused', /No\ufffd\[2J\.$/],
    [[turn, { urls: Array(100).fill('stun:a') }], 'bad_server', /more than 100 URLs/],
  ])('%j', (document, code, reason) => {
    const result = read(document);
    expect(result).toMatchObject({ ok: false, error: { code } });
    expect(!result.ok && result.error.reason).toMatch(reason);
  });

  it('also when it is all envelopes', () => {
    const open = '{"v":'.repeat(20_000);
    expect(readIceServers(`${open}7${'}'.repeat(20_000)}`)).toMatchObject({ error: { code: 'no_servers' } });
  });

  it('and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        readIceServers(text);
      }),
    );
  });
});
