import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { SharedTables } from '../turn/shared/shared-tables.ts';
import { createMetrics, type MetricSources } from './metrics.ts';

/** A server that has relayed for somebody and refused somebody. */
function servedTables(): SharedTables {
  const scenario = new Scenario();
  scenario.users.add('1:alice#room-7', 'secret', { user: 'alice', label: 'room-7' });
  const { client } = scenario.allocated({ username: '1:alice#room-7' });
  client.channelBind(0x4000, scenario.peer('20.0.0.1:9').at);
  client.sendOn(0x4000, 'four');
  scenario.server.publish();
  return new SharedTables(scenario.memory, 0);
}

function metricsOf(sources: Partial<MetricSources> = {}) {
  const shared = servedTables();
  return createMetrics({
    version: '1.2.3',
    shared,
    connections: () => ({
      open: { tcp: 3, tls: 4 },
      pending: 1,
      closedByReason: new Map([['idle', 5]]),
      certificateExpiresAt: 1_900_000_000,
    }),
    ...sources,
  });
}

const services: Partial<MetricSources> = {
  relayPorts: 16_384,
  draining: () => true,
  workerDeaths: () => 2,
  storeAvailable: () => false,
  apiKeys: () => 7,
  staticUsers: () => 8,
  revocations: () => 9,
  usagePendingRows: () => 10,
  usageFlushFailures: () => 11,
  admissions: () => ({ allowed: 12 }),
  admissionCallback: () => ({ unavailable: 13 }),
  webhooks: () => ({ delivered: 15, retried: 16, dropped: 17, queued: 14 }),
  auditLost: () => 18,
};

/** The samples of our own metrics, without those of Node.js. */
const samples = (text: string) => text.split('\n').filter((line) => line.startsWith('taciturn_'));

describe('the metrics', () => {
  it('show what the servers and connections count', async () => {
    const found = samples(await metricsOf().render());
    expect(found).toEqual(
      expect.arrayContaining([
        'taciturn_build_info{version="1.2.3"} 1',
        'taciturn_allocations 1',
        'taciturn_users 1',
        'taciturn_channels 1',
        'taciturn_relayed_packets_total{direction="from_client"} 1',
        'taciturn_relayed_bytes_total{direction="from_client"} 4',
        'taciturn_responses_total{method="allocate"} 1',
        'taciturn_challenges_total 1',
        'taciturn_dropped_packets_total{reason="no-permission"} 0',
        'taciturn_plane_packets_total{way="received"} 0',
        'taciturn_connections{transport="tcp"} 3',
        'taciturn_connections{transport="tls"} 4',
        'taciturn_pending_connections 1',
        'taciturn_closed_connections_total{reason="idle"} 5',
        'taciturn_certificate_expiry_timestamp_seconds 1900000000',
      ]),
    );
  });

  it('show how many relay ports are left', async () => {
    const shared = servedTables();
    const found = samples(await metricsOf({ shared, relayPorts: 1000 }).render());
    const free = (family: string) =>
      found.find((line) => line.startsWith(`taciturn_relay_ports_free{family="${family}"}`));
    const [ipv4, ipv6] = [free('ipv4'), free('ipv6')].map((line) => Number(line!.split(' ')[1]));
    expect(ipv4).toBe(ipv6! - 1);
    expect(found).toContain('taciturn_relay_ports 1000');
  });

  it('show what the services of the daemon count, anew each time', async () => {
    let queued = 14;
    const metrics = metricsOf({
      ...services,
      webhooks: () => ({ delivered: 15, retried: 16, dropped: 17, queued: queued++ }),
    });
    await metrics.render();
    const found = samples(await metrics.render());
    expect(found).toEqual(
      expect.arrayContaining([
        'taciturn_draining 1',
        'taciturn_worker_deaths_total 2',
        'taciturn_store_available 0',
        'taciturn_api_keys 7',
        'taciturn_static_users 8',
        'taciturn_revocations 9',
        'taciturn_usage_pending_rows 10',
        'taciturn_usage_flush_failures_total 11',
        'taciturn_admission_total{verdict="allowed"} 12',
        'taciturn_admission_callback_total{result="unavailable"} 13',
        'taciturn_webhooks_total{result="delivered"} 15',
        'taciturn_webhooks_total{result="retried"} 16',
        'taciturn_webhooks_total{result="dropped"} 17',
        'taciturn_audit_lost_total 18',
      ]),
    );
    expect(found.find((line) => line.startsWith('taciturn_webhooks_queued'))).not.toBe('taciturn_webhooks_queued 14');
  });

  it('leave out what is not there', async () => {
    expect(await metricsOf().render()).not.toMatch(/taciturn_(webhooks|admission|audit|store|draining)/);
  });

  it('count answers of the HTTP service by pattern, method and status, and how long they took', async () => {
    const metrics = metricsOf();
    for (const milliseconds of [2, 30]) {
      metrics.countAnswer({ method: 'POST', route: '/v1/credentials', status: 201, milliseconds });
    }
    metrics.countAnswer({ method: 'DELETE', route: '/v1/sessions/:id', status: 404, milliseconds: 1 });
    metrics.countAnswer({ method: 'GET', route: undefined, status: 404, milliseconds: 1 });
    expect(samples(await metrics.render())).toEqual(
      expect.arrayContaining([
        'taciturn_http_requests_total{route="/v1/credentials",method="POST",status="201"} 2',
        'taciturn_http_requests_total{route="/v1/sessions/:id",method="DELETE",status="404"} 1',
        'taciturn_http_requests_total{route="none",method="GET",status="404"} 1',
        'taciturn_http_request_seconds_bucket{le="0.0025",route="/v1/credentials"} 1',
        'taciturn_http_request_seconds_bucket{le="0.05",route="/v1/credentials"} 2',
        'taciturn_http_request_seconds_sum{route="/v1/credentials"} 0.032',
        'taciturn_http_request_seconds_count{route="/v1/credentials"} 2',
      ]),
    );
  });

  it('have no more series when somebody makes up methods, or routes come out that are no patterns', async () => {
    const metrics = metricsOf();
    for (let i = 0; i < 1000; i++) {
      metrics.countAnswer({ method: `X${i}`, route: undefined, status: 404, milliseconds: 1 });
      metrics.countAnswer({ method: 'GET', route: `/v1/keys/${i}`, status: 200, milliseconds: 1 });
    }
    const found = samples(await metrics.render()).filter((line) => line.startsWith('taciturn_http_requests_total'));
    expect(found).toContain('taciturn_http_requests_total{route="none",method="other",status="404"} 1000');
    expect(found.length).toBeLessThanOrEqual(202);
  });

  it('name no user, label or address of a client or peer', async () => {
    const metrics = metricsOf(services);
    metrics.countAnswer({ method: 'POST', route: '/v1/credentials', status: 201, milliseconds: 2 });
    const text = await metrics.render();
    expect(text).not.toMatch(/alice|room-7|20\.0\.0\.1|30\.0\.0/);
    const labels = new Set(
      [...text.matchAll(/^taciturn_\w+\{(.*)\}/gm)].flatMap(([, list]) => list!.match(/\w+(?==")/g) ?? []),
    );
    const known = 'version direction method code reason way call transport family verdict result route status le'.split(
      ' ',
    );
    expect([...labels].filter((label) => !known.includes(label))).toEqual([]);
  });
});
