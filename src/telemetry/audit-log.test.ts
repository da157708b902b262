import { chownSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { unixSeconds } from '../turn/time.ts';
import { type AuditEntry, AuditLog, type AuditRecord, appendAuditRecord } from './audit-log.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-audit-'));
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

function setUp(path = file, opened = open) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const audit = new AuditLog(path, {
    clock,
    open: opened,
    log: { error: (_, message) => said.push(message), info: (_, message) => said.push(message) },
  });
  return { clock, audit, said };
}

const at = unixSeconds(1_800_000_000);
const record = (subject: string): AuditRecord => ({
  at,
  action: 'credential-issued',
  by: 'key1',
  via: 'http',
  from: '192.0.2.7',
  subject,
  details: { ttlSeconds: 600, label: 'room-7' },
});

const lines = (path = file) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const subjects = (path = file) => lines(path).map((line) => JSON.parse(line).subject);

describe('the audit log', () => {
  it('has a line for each record, its fields always in the same order', async () => {
    const { audit } = setUp();
    audit.write(record('1800000600:alice#room-7'));
    audit.write({ refused: 'unknown', from: 'localhost', via: 'command', by: 'root', action: 'key-revoked', at });
    await audit.close();
    expect(readFileSync(file, 'utf8')).toBe(
      '{"at":"2027-01-15T08:00:00.000Z","action":"credential-issued","by":"key1","via":"http","from":"192.0.2.7",' +
        '"subject":"1800000600:alice#room-7","details":{"ttlSeconds":600,"label":"room-7"}}\n' +
        '{"at":"2027-01-15T08:00:00.000Z","action":"key-revoked","by":"root","via":"command","from":"localhost",' +
        '"refused":"unknown"}\n',
    );
  });

  it('may be read by its owner only, and grows by what is added', async () => {
    const { audit } = setUp();
    audit.write(record('one'));
    await audit.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const next = setUp().audit;
    next.write(record('two'));
    await next.close();
    appendAuditRecord(file, record('three'));
    expect(subjects()).toEqual(['one', 'two', 'three']);
  });

  it('makes no file as long as there is nothing to write', async () => {
    await setUp().audit.close();
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  it.each([
    ['line breaks', 'a\nb\r\nc\u2028d\u2029e\u0085f'],
    ['a whole record', '"}\n{"at":"2027-01-15T08:00:00.000Z","action":"drain"}'],
    ['what moves the cursor or turns text round', '\u001b[2J\u009b2J\u202eevil\u2066\u007f\0'],
    ['half a character', '\ud800x'],
  ])('keeps a name with %s on one line of plain text', async (_, name) => {
    const { audit } = setUp();
    audit.write({ ...record(name), by: name, details: { label: name, [name]: true } });
    await audit.close();
    appendAuditRecord(file, record(name));
    expect(readFileSync(file, 'utf8').split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(3);
    expect(lines().join('')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    expect(subjects()).toEqual([name, name]);
    expect(JSON.parse(lines()[0]!)).toMatchObject({ by: name, details: { label: name, [name]: true } });
  });

  it('has no place for a secret', async () => {
    // @ts-expect-error there is no such field.
    const entry: AuditEntry = { action: 'key-created', by: 'root', via: 'command', from: 'here', secret: 'xyzzy' };
    const { audit } = setUp();
    audit.write({ ...entry, at });
    await audit.close();
    appendAuditRecord(file, { ...entry, at });
    expect(lines()).toHaveLength(2);
    expect(readFileSync(file, 'utf8')).not.toContain('xyzzy');
  });

  it('goes on in a new file after the old one was moved away', async () => {
    const { audit } = setUp();
    audit.write(record('one'));
    await audit.flush();
    renameSync(file, `${file}.1`);
    audit.write(record('two'));
    await audit.flush();
    audit.reopen();
    audit.write(record('three'));
    await audit.close();
    expect(subjects(`${file}.1`)).toEqual(['one', 'two']);
    expect(subjects()).toEqual(['three']);
  });

  it('writes all of what comes while it is writing', async () => {
    const { audit } = setUp();
    const expected: string[] = [];
    for (let i = 0; i < 1000; i++) {
      expected.push(`${i}`);
      audit.write(record(`${i}`));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await audit.close();
    expect(subjects()).toEqual(expected);
    expect(audit.lost).toBe(0);
  });
});

describe('a record of a command', () => {
  it('makes a file that belongs to whom the directory belongs to, so that the daemon can write it too', () => {
    if (process.getuid?.() === 0) chownSync(directory, 12_345, 12_346);
    appendAuditRecord(file, record('one'));
    const { uid, gid, mode } = statSync(file);
    expect({ uid, gid }).toMatchObject({ uid: statSync(directory).uid, gid: statSync(directory).gid });
    expect(mode & 0o777).toBe(0o600);
  });

  it('throws when it cannot be written', () => {
    mkdirSync(file);
    expect(() => appendAuditRecord(file, record('one'))).toThrow('EISDIR');
  });
});

describe('an audit log that cannot be written', () => {
  it('says so once, tries again, and has everything in order afterwards', async () => {
    mkdirSync(file);
    const { clock, audit, said } = setUp();
    audit.write(record('one'));
    await audit.flush();
    audit.write(record('two'));
    await clock.advance(20_000);
    await audit.flush();
    expect(said).toEqual([expect.stringMatching(/^the audit log cannot be written: EISDIR.*; it is tried again$/)]);
    rmdirSync(file);
    audit.write(record('three'));
    await clock.advance(5000);
    await audit.flush();
    expect(said).toEqual([expect.anything(), 'the audit log is written again']);
    audit.write(record('four'));
    await audit.close();
    expect(subjects()).toEqual(['one', 'two', 'three', 'four']);
    expect(audit.lost).toBe(0);
    expect(clock.armed).toBe(0);
  });

  it('works again although it failed when there was nothing to write', async () => {
    const { clock, audit } = setUp();
    mkdirSync(file);
    audit.reopen();
    await audit.flush();
    rmdirSync(file);
    await clock.advance(5000);
    audit.write(record('one'));
    await audit.close();
    expect(subjects()).toEqual(['one']);
  });

  it('keeps no more than 4 MB in memory and counts the rest', async () => {
    mkdirSync(file);
    const { audit } = setUp();
    const long = 'x'.repeat(1_000_000);
    for (let i = 0; i < 10; i++) audit.write(record(`${i}${long}`));
    await audit.flush();
    expect(audit.lost).toBe(6);
    rmdirSync(file);
    await audit.flush();
    expect(subjects().map((subject) => subject[0])).toEqual(['0', '1', '2', '3']);
    audit.write(record('later'));
    await audit.close();
    expect(subjects().at(-1)).toBe('later');
    expect(audit.lost).toBe(6);
  });

  it('counts as lost what is left at the end', async () => {
    mkdirSync(file);
    const { clock, audit } = setUp();
    audit.write(record('one'));
    audit.write(record('two'));
    await audit.close();
    audit.write(record('three'));
    expect(audit.lost).toBe(3);
    expect(clock.armed).toBe(0);
  });

  it('never loses or doubles a line that was cut off in its middle', async () => {
    let room = 0;
    /** The disk has room for `room` bytes more. */
    const full = async (...where: Parameters<typeof open>): Promise<FileHandle> => {
      const handle = await open(...where);
      const write = async (bytes: Buffer, from: number) => {
        if (room === 0) throw new Error('ENOSPC: no space left on device, write');
        const length = Math.min(room, bytes.length - from);
        room -= length;
        return { bytesWritten: (await handle.write(bytes, from, length)).bytesWritten, buffer: bytes };
      };
      return Object.assign(Object.create(handle), { write, close: () => handle.close() }) as FileHandle;
    };
    const length = Buffer.byteLength(JSON.stringify({ ...record('0'), at: new Date(0).toISOString() })) + 1;
    const { clock, audit } = setUp(file, full as typeof open);
    for (let i = 0; i < 9; i++) audit.write(record(`${i}`));
    for (const more of [0, 10, length + 20, 1, 2 * length + 1, 0, length, 2 * length - 1, 0, 1_000_000]) {
      room += more;
      await clock.advance(5000);
      await audit.flush();
    }
    await audit.close();
    const whole = lines().filter((line) => line.endsWith('}}'));
    expect(whole.map((line) => JSON.parse(line).subject)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
    expect(lines().length).toBeGreaterThan(whole.length);
    expect(audit.lost).toBe(0);
  });

  it.runIf(process.platform === 'linux')('does not throw when the disk is full', async () => {
    const { clock, audit, said } = setUp('/dev/full');
    audit.write(record('one'));
    await audit.flush();
    expect(said).toEqual([expect.stringMatching(/ENOSPC/)]);
    await audit.close();
    expect(audit.lost).toBe(1);
    expect(clock.armed).toBe(0);
    expect(() => appendAuditRecord('/dev/full', record('one'))).toThrow('ENOSPC');
  });
});
