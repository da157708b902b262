import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { MetricsEndpoint } from './metrics-endpoint.ts';

it('answers at an address that may have a zone', async () => {
  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ address }) => address.startsWith('fe80:'))
      .map(({ address }) => `${address.split('%')[0]}%${name}`),
  );
  for (const host of ['127.0.0.1', ...linkLocal.slice(0, 1)]) {
    const endpoint = await MetricsEndpoint.start({ host, port: 0 }, () => 'a 1\n');
    expect(endpoint.url).toMatch(/^http:\/\/\S+:\d+\/metrics$/);
    endpoint.close();
  }
});

it('says why an address cannot be had', async () => {
  await expect(MetricsEndpoint.start({ host: '192.0.2.1', port: 9 }, () => '')).rejects.toThrow(
    /--metrics 192\.0\.2\.1:9: .*\(EADDRNOTAVAIL\)\. It has no such address/,
  );
  await expect(MetricsEndpoint.start({ host: '::', port: 70_000 }, () => '')).rejects.toThrow(/Choose another/);
});
