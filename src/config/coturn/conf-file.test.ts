import { describe, expect, it } from 'vitest';
import { Conf, parseConfFile, readSwitch } from './conf-file.ts';

describe('the lines of a turnserver.conf', () => {
  it.each([
    ['realm=example.org', 'realm', 'example.org'],
    ['realm example.org', 'realm', 'example.org'],
    ['\t realm \t=  = example.org \t', 'realm', 'example.org'],
    ['realm="example.org"', 'realm', 'example.org'],
    ['realm="example.org', 'realm', 'example.org'],
    ['realm="', 'realm', undefined],
    ['realm=', 'realm', undefined],
    ['fingerprint', 'fingerprint', undefined],
    ['static-auth-secret=a=b c', 'static-auth-secret', 'a=b c'],
    ['static-auth-secret=ab"c"', 'static-auth-secret', 'ab"c"'],
    ['user-quota=12 # streams', 'user-quota', '12 # streams'],
    ['realm=example.org\r', 'realm', 'example.org'],
    ['=strange', '', 'strange'],
  ])('%j', (line, name, value) => {
    expect(parseConfFile(line)).toMatchObject([{ number: 1, name, value }]);
  });

  it('are counted with the comments and empty lines between them', () => {
    const lines = parseConfFile('# a\n\nfingerprint\n  # b\n\t\nrealm=x\n#');
    expect(lines.map(({ number }) => number)).toEqual([3, 6]);
  });

  it('remember blanks at their end', () => {
    expect(parseConfFile('realm=x \nrealm=x\r\n').map((line) => line.endsInBlanks)).toEqual([true, false]);
  });
});

describe('a switch', () => {
  it.each(['0', 'no', 'NO', 'false', 'f', 'n', 'off', 'Off'])('is off with %s', (value) => {
    expect(readSwitch(value)).toBe(false);
  });
  it.each([undefined, '1', 'yes', 'true', 'on', 'On', '# a comment'])('is on with %s', (value) => {
    expect(readSwitch(value)).toBe(true);
  });
  it.each(['perhaps', 'offf', 'oN', '='])('is neither with %s', (value) => {
    expect(readSwitch(value)).toBeUndefined();
  });
  it('counts as its last line says', () => {
    const conf = new Conf(parseConfFile('no-tcp\nno-udp=0\nno-tcp=no\n'), '/');
    expect([conf.isOn('no-tcp'), conf.isOn('no-udp'), conf.isOn('no-tls')]).toEqual([false, false, false]);
  });
});
