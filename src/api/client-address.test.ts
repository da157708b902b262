import { afterEach, describe, expect, it } from 'vitest';
import { FakeDaemon } from '../../test/api/fake-daemon.ts';
import { trustedProxy } from './client-address.ts';

let daemon: FakeDaemon | undefined;
afterEach(() => daemon?.service.close());

async function clientOf(remoteAddress: string, forwarded: string, trustedProxies: readonly string[]): Promise<string> {
  daemon = new FakeDaemon({ trustedProxies });
  await daemon.service.inject({ url: '/healthz', remoteAddress, headers: { 'x-forwarded-for': forwarded } });
  return daemon.answers[0]!.client;
}

describe('the address of a client', () => {
  it.each([
    ['127.0.0.1', '192.0.2.7', [], '127.0.0.1'],
    ['127.0.0.1', '192.0.2.7', ['127.0.0.1'], '192.0.2.7'],
    ['::ffff:127.0.0.1', '192.0.2.7', ['127.0.0.0/8'], '192.0.2.7'],
    ['::ffff:192.0.2.9', '192.0.2.7', ['127.0.0.0/8'], '192.0.2.9'],
    ['10.0.0.5', '192.0.2.7', ['10.0.0.1-10.0.0.9'], '192.0.2.7'],
    ['10.0.0.10', '192.0.2.7', ['10.0.0.1-10.0.0.9'], '10.0.0.10'],
    ['2001:db8::1', '2001:db8:1::7', ['2001:db8::/64'], '2001:db8:1::7'],
    // Only the last one is from the proxy; whoever connects to it may have sent the others.
    ['127.0.0.1', '198.51.100.1, 192.0.2.7', ['127.0.0.1'], '192.0.2.7'],
    ['127.0.0.1', '192.0.2.7, 10.0.0.5', ['127.0.0.1', '10.0.0.0/8'], '192.0.2.7'],
    ['127.0.0.1', 'nonsense', ['127.0.0.1'], '127.0.0.1'],
    ['127.0.0.1', '', ['127.0.0.1'], '127.0.0.1'],
  ])('of %s that forwards %j with %j trusted', async (remote, forwarded, trusted, expected) => {
    expect(await clientOf(remote, forwarded, trusted)).toBe(expected);
  });

  it('is not taken from a list that cannot be read', () => {
    expect(() => trustedProxy(['localhost'])).toThrow('localhost');
  });
});
