import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../turn/time.ts';
import type { CommandContext } from '../command-context.ts';
import { type Column, renderFacts, renderTable } from './table.ts';

function output(columns?: number): { context: CommandContext; text: () => string } {
  const chunks: string[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const context: CommandContext = {
    environment: { NO_COLOR: '1' },
    streams: {
      stdin: Readable.from([]),
      stdout: Object.assign(stdout, columns === undefined ? {} : { isTTY: true, columns }),
      stderr: new Writable(),
    },
    version: '0.0.0',
    workingDirectory: '/',
    randomBytes: (size) => Buffer.alloc(size),
    unixNow: () => unixSeconds(0),
    complete: () => {},
  };
  return { context, text: () => chunks.join('') };
}

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'NAME', shrinks: true },
  { title: 'BYTES', align: 'right' },
  { title: 'LABEL', shrinks: true },
];
const rows = [
  ['1', 'alice', '5 B', ''],
  ['2', 'a name that is long', '12.5 MB', 'a label that is longer'],
];

describe('a table', () => {
  it('has its columns below their titles', () => {
    const { context, text } = output();
    renderTable(columns, rows, context);
    expect(text().split('\n')).toEqual([
      'ID  NAME                   BYTES  LABEL',
      '1   alice                    5 B',
      '2   a name that is long  12.5 MB  a label that is longer',
      '',
    ]);
  });

  it('is cut to the width of a terminal, where that may be, and the widest first', () => {
    const { context, text } = output(40);
    renderTable(columns, rows, context);
    expect(text().split('\n')).toEqual([
      'ID  NAME            BYTES  LABEL',
      '1   alice             5 B',
      '2   a name that…  12.5 MB  a label that…',
      '',
    ]);
  });

  it('stays readable where the terminal is far too narrow', () => {
    const { context, text } = output(10);
    renderTable(columns, rows, context);
    expect(text()).toContain('2   a nam…  12.5 MB  a lab…\n');
  });

  it('shows nothing that a terminal would act upon', () => {
    const { context, text } = output(80);
    renderTable([{ title: 'NAME' }], [['\x1b[2Jevil\u202e\n']], context);
    expect(text()).toBe('NAME\n\ufffd[2Jevil\ufffd\ufffd\n');
  });
});

describe('facts', () => {
  it('stand behind their names', () => {
    const { context, text } = output();
    renderFacts(
      [
        ['id', '5'],
        ['relayed', ['192.0.2.1:1', '[2001:db8::1]:1']],
      ],
      context,
    );
    expect(text()).toBe('id       5\nrelayed  192.0.2.1:1\n         [2001:db8::1]:1\n');
  });
});
