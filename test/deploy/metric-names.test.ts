import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { dropReasons } from '../../src/turn/drop-reason.ts';
import { SharedTables } from '../../src/turn/shared/shared-tables.ts';
import { requirePeer, run } from '../interop/peers.ts';
import { Scenario } from '../virtual-network/scenario.ts';
import { pathOf, textOf, yamlOf } from './repository-files.ts';

/** All that a daemon with everything configured shows at /metrics. */
async function renderMetrics(): Promise<string> {
  const scenario = new Scenario();
  scenario.users.add('alice', 'secret', { user: 'alice' });
  scenario.allocated({ username: 'alice' });
  const one = () => 1;
  const metrics = createMetrics({
    version: '1.2.3',
    shared: new SharedTables(scenario.memory, 0),
    connections: () => ({
      open: { tcp: 1, tls: 1 },
      pending: 1,
      closedByReason: new Map([['idle', 1]]),
      certificateExpiresAt: 1_900_000_000,
    }),
    relayPorts: 16_384,
    draining: () => false,
    workerDeaths: one,
    storeAvailable: () => true,
    apiKeys: one,
    staticUsers: one,
    revocations: one,
    usagePendingRows: one,
    usageFlushFailures: one,
    admissions: () => ({ allowed: 1 }),
    admissionCallback: () => ({ allowed: 1 }),
    webhooks: () => ({ queued: 1, delivered: 1, retried: 1, dropped: 1 }),
    auditLost: one,
  });
  metrics.countAnswer({ method: 'POST', route: '/v1/credentials', status: 201, milliseconds: 1 });
  return metrics.render();
}

/** The names of all series, by metric: those of a histogram as well. */
async function shownSeries(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const text = await renderMetrics();
  const labels = new Map<string, Set<string>>();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) labels.set(name!, new Set());
  for (const [, name, list] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? /gm)) {
    const known = labels.get(name!) ?? new Set();
    for (const [label] of list?.matchAll(/\w+(?==")/g) ?? []) known.add(label);
    labels.set(name!, known);
  }
  return labels;
}

/** Every selector of an expression, such as `name{label="value"}`. */
function selectors(expression: string) {
  const found = expression.matchAll(/\b((?:taciturn|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g);
  return [...found].map(([, name, matchers = '']) => {
    const parts = [...matchers.matchAll(/(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"/g)];
    return { name: name!, matchers: new Map(parts.map(([, label, value]) => [label!, value!])) };
  });
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const rules: { alert: string; expr: string; labels: Record<string, string>; annotations: Record<string, string> }[] =
  yamlOf('docker/alerts.yml')[0].groups[0].rules;
const dashboard: Dashboard = JSON.parse(textOf('docker/grafana/dashboards/taciturn.json'));
const panelTargets = dashboard.panels.flatMap(({ title, targets }) =>
  (targets ?? []).map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);
const annotationExpressions = dashboard.annotations.list.map(({ expr }) => ({ title: 'annotation', expr }));

describe('the alert rules and the dashboard', () => {
  it.each([
    ...rules.map(({ alert, expr }) => [alert, expr]),
    ...[...panelTargets, ...annotationExpressions].map(({ title, expr }) => [title, expr]),
  ])('%s asks for what /metrics shows', async (_title, expr) => {
    const series = await shownSeries();
    const asked = selectors(expr!);
    expect(asked).not.toEqual([]);
    for (const { name, matchers } of asked) {
      // Prometheus itself tells whether it could ask.
      if (name === 'up') continue;
      expect([...series.keys()]).toContain(name);
      // These two Prometheus adds.
      const labels = [...matchers.keys()].filter((label) => label !== 'instance' && label !== 'job');
      const known = series.get(name)!;
      // Nothing was refused in this test, so there are no codes.
      if (name !== 'taciturn_errors_total') expect([...known]).toEqual(expect.arrayContaining(labels));
      if (name === 'taciturn_dropped_packets_total' && matchers.has('reason')) {
        expect(dropReasons).toEqual(expect.arrayContaining(matchers.get('reason')!.split('|')));
      }
    }
  });

  it('shows each metric of the daemon in some panel', async () => {
    const shown = new Set(
      panelTargets.flatMap(({ expr }) => selectors(expr)).map(({ name }) => name.replace(/_bucket$/, '')),
    );
    const own = [...(await renderMetrics()).matchAll(/^# TYPE (taciturn_\S+)/gm)].map(([, name]) => name!);
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('lays out panels that do not cover each other', () => {
    const cells = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} covers another panel`).toBe(false);
          cells.add(`${x} ${y}`);
        }
      }
    }
  });

  it('says of each alert how bad it is and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { labels, annotations } of rules) {
      expect(labels.severity).toMatch(/^(critical|warning)$/);
      expect(annotations.summary).toContain('$labels.instance');
      expect(annotations.description!.length).toBeGreaterThan(40);
    }
  });

  it('tests each alert', () => {
    const tests = textOf('docker/alerts.test.yml');
    for (const { alert } of rules) expect(tests).toContain(`alertname="${alert}"`);
  });
});

describe.skipIf(!requirePeer('promtool'))('promtool', () => {
  it.each([
    ['check', 'config', 'docker/prometheus.yml'],
    ['test', 'rules', 'docker/alerts.test.yml'],
  ])('%s %s %s', async (verb, what, file) => {
    const { code, stdout, stderr } = await run('promtool', [verb, what, pathOf(file)]);
    expect(`${stdout}${stderr}`).toMatch(/SUCCESS/);
    expect(code).toBe(0);
  });
});
