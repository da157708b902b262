import { describe, expect, it } from 'vitest';
import { failedRung, failedWay, quality, report, rung, way } from '../../../test/check/reports.ts';
import { requirePeer, run } from '../../../test/interop/peers.ts';
import { ProbeMetrics } from './probe-metrics.ts';

const url = 'turn:turn.example.org';

function full(): ProbeMetrics {
  const metrics = new ProbeMetrics();
  metrics.record({
    endedAt: 1_800_000_000,
    passed: false,
    reports: [report(url, { passed: false, rungs: [rung('resolve'), failedRung('allocate')] })],
  });
  metrics.record({
    endedAt: 1_800_000_060,
    passed: true,
    reports: [
      report(url, {
        quality: quality(),
        certificateExpiresAt: '2027-01-15T08:00:00.000Z',
        credentialExpiresAt: '2027-01-15T08:10:00.000Z',
        alternatives: [way('turns:a'), failedWay('turns:a:443', { notOffered: 'nothing listens there' })],
      }),
    ],
  });
  return metrics;
}

describe('the metrics of a watch', () => {
  it('say before the first round only that there was none', () => {
    expect(new ProbeMetrics().render().match(/^[^#].*$/gm)).toEqual([
      'taciturn_check_runs_total{result="passed"} 0',
      'taciturn_check_runs_total{result="failed"} 0',
    ]);
  });

  it('tell the last round, and count all', () => {
    const lines = full()
      .render()
      .match(/^[^#].*$/gm)!;
    expect(lines).toEqual(
      expect.arrayContaining([
        `taciturn_check_success{url="${url}"} 1`,
        'taciturn_check_success{url="turns:a"} 1',
        `taciturn_check_step_success{url="${url}",step="echo"} 1`,
        `taciturn_check_step_seconds{url="${url}",step="echo"} 0.012`,
        `taciturn_check_rtt_seconds{url="${url}",quantile="0.5"} 0.041`,
        `taciturn_check_rtt_seconds{url="${url}",quantile="0.99"} 0.052`,
        `taciturn_check_loss_ratio{url="${url}"} 0`,
        `taciturn_check_jitter_seconds{url="${url}"} 0.0012`,
        `taciturn_check_bandwidth_bytes_per_second{url="${url}"} 600000`,
        `taciturn_check_mos{url="${url}"} 4.3`,
        `taciturn_check_certificate_expiry_timestamp_seconds{url="${url}"} 1800000000`,
        `taciturn_check_credential_expiry_timestamp_seconds{url="${url}"} 1800000600`,
        'taciturn_check_last_run_timestamp_seconds 1800000060',
        'taciturn_check_runs_total{result="passed"} 1',
        'taciturn_check_runs_total{result="failed"} 1',
      ]),
    );
    expect(lines.filter((line) => line.includes(':443'))).toEqual([]);
  });

  it('leave out what was not measured', () => {
    const metrics = new ProbeMetrics();
    const dead = quality({ received: 0, lossFraction: 1 });
    metrics.record({ endedAt: 1, passed: false, reports: [report(url, { passed: false, quality: dead })] });
    expect(metrics.render()).toContain(`taciturn_check_loss_ratio{url="${url}"} 1`);
    expect(metrics.render()).not.toContain('taciturn_check_rtt_seconds');
    metrics.record({ endedAt: 2, passed: false, reports: [failedWay(url) as never] });
    expect(metrics.render()).not.toContain('taciturn_check_loss_ratio');
  });

  it('tell two users of one URL apart', () => {
    const metrics = new ProbeMetrics();
    metrics.record({ endedAt: 1, passed: false, reports: [report(url), report(url, { passed: false })] });
    expect(metrics.render()).toContain(`success{url="${url}"} 1\ntaciturn_check_success{url="${url} (2)"} 0\n`);
  });

  it('escape what a URL may hold', () => {
    const metrics = new ProbeMetrics();
    metrics.record({ endedAt: 1, passed: false, reports: [report('turn:"\\\n')] });
    expect(metrics.render()).toContain('{url="turn:\\"\\\\\\n"} 1');
  });

  it.skipIf(!requirePeer('promtool'))('pass promtool check metrics', async () => {
    const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: full().render() });
    expect(`${stdout}${stderr}`).toBe('');
    expect(code).toBe(0);
  });
});
