import { describe, expect, it } from 'vitest';
import { joinPhrases, oddBase64, oddities } from './odd-text.ts';

describe('what is odd about a text', () => {
  it.each<[string, string]>([
    [' secret', 'begins with a blank'],
    ['\tsecret', 'begins with a blank'],
    ['secret ', 'ends with a blank'],
    ['secret\r\n', 'line end'],
    ['se\tcret', 'tab'],
    ['se\u0007cret', 'control character'],
    ['"secret"', 'quotation marks'],
    ["'secret'", 'quotation marks'],
    ['\u201csecret\u201d', 'quotation marks'],
    ['se%2Bcret', 'URL encoding'],
    ['se&amp;cret', 'HTML encoding'],
    ['secret\\n', 'backslash'],
    ['se\u00a0cret', 'no-break space'],
    ['se\u200bcret', 'no width'],
    ['\ufeffsecret', 'byte order mark'],
    ['se\ufeffcret', 'no width'],
    ['cafe\u0301', 'NFD'],
    ['\uff53ecret', 'another width'],
    ['caf\u00e9', 'beyond ASCII'],
    ['qL7 Zk1c0Xx9dS0l2mBf5pQe7fo=', 'every plus became a blank'],
  ])('%j', (text, says) => {
    const found = oddities(text);
    expect(found.join()).toContain(says);
    // The secret itself, or a part of it, is in no phrase.
    for (const phrase of found) expect(phrase).not.toContain('cret');
  });

  it.each([
    'secret',
    'correct horse battery staple',
    'qL7+Zk1c0Xx9dS0l2mBf5pQe7fo=',
    '100%',
    "it's",
    'a&b',
    'C:\\temp',
    '1800000600:bob',
  ])('is nothing in %j', (text) => expect(oddities(text)).toEqual([]));

  it('is told together', () => {
    expect(joinPhrases(oddities(' "x" '))).toBe('begins with a blank, ends with a blank and is in quotation marks');
  });
});

it('knows what a time-limited password looks like', () => {
  expect(oddBase64('qL7+Zk1c0Xx9dS0l2mBf5pQe7fo=')).toEqual([]);
  expect(oddBase64('qL7+Zk1c0Xx9dS0l2mBf5pQe7fo').join()).toContain('equals sign');
  expect(oddBase64('qL7-Zk1c0Xx9dS0l2mBf5pQe7fo=').join()).toContain('for URLs');
});
