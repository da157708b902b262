import type { MetricSet } from './metric-set.ts';

/** An answer of the HTTP service. */
export interface CountedAnswer {
  readonly method: string;
  /** The pattern of the route, never the URL; `undefined` when no route fits. */
  readonly route: string | undefined;
  readonly status: number;
  readonly milliseconds: number;
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** More than there are: a route that is no pattern must not make series without end. */
const MAX_ROUTES = 200;

/**
 * Counts the answers of the HTTP service. No label can be chosen from outside: a route is the pattern of one of ours or
 * `none`, and of methods those that no route has are `other`.
 *
 * @returns what counts an answer.
 */
export function addHttpMetrics(metrics: MetricSet): (answer: CountedAnswer) => void {
  const requests = metrics.ownCounter('taciturn_http_requests_total', 'Answers of the HTTP service', [
    'route',
    'method',
    'status',
  ]);
  const seconds = metrics.ownSeconds('taciturn_http_request_seconds', 'How long the HTTP service took to answer', [
    'route',
  ]);
  const routes = new Set<string>();
  return ({ method, route: pattern = 'none', status, milliseconds }) => {
    if (routes.size < MAX_ROUTES) routes.add(pattern);
    const route = routes.has(pattern) ? pattern : 'none';
    requests.inc({ route, method: knownMethods.has(method) ? method : 'other', status: String(status) });
    seconds.observe({ route }, milliseconds / 1000);
  };
}
