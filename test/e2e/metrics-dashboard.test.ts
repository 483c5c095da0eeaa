// The Grafana dashboard and the alert rules ask for nothing that a running service does not tell.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { httpClient } from '../support/http.ts';
import { type Sample, scrape } from '../support/metrics.ts';
import { PROJECT_DIR, type Service, startService } from '../support/service.ts';

/** Prometheus adds them to whatever it scrapes. */
const OF_PROMETHEUS = ['up'];
const LABELS_OF_PROMETHEUS = ['job', 'instance', 'service'];

type Selector = { readonly metric: string; readonly labels: readonly string[] };
type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { severity: string };
  readonly annotations: { summary: string; description: string };
};
type Panel = { readonly title: string; readonly targets: readonly { readonly expr: string }[] };

const read = (path: string) => readFileSync(join(PROJECT_DIR, 'deploy', path), 'utf8');
const panels = (JSON.parse(read('grafana/dashboards/service.json')) as { panels: Panel[] }).panels;
const [group] = (parse(read('prometheus/rules.yml')) as { groups: { rules: Rule[] }[] }).groups;
const rules = group?.rules ?? [];

let service: Service;
let samples: Sample[];
beforeAll(async () => {
  // A gateway is told of also while the other broker is away.
  const environment = { FOOTFALL_METRICS_PORT: '0', FOOTFALL_GATEWAY_URL: 'mqtt://127.0.0.1:9' };
  service = await startService({ environment });
  await httpClient(service.httpUrl).get('/v1/spaces');
  samples = await scrape(service);
});
afterAll(() => service.stop());

/** Everything that `expression` selects; throws where it is no PromQL. */
function selectorsIn(expression: string): Selector[] {
  const text = expression.replaceAll('$__rate_interval', '1m');
  const selectors: Selector[] = [];
  const textOf = ({ from, to }: SyntaxNode) => text.slice(from, to);
  parser.parse(text).iterate({
    enter: ({ node, name, type }) => {
      if (type.isError) throw new Error(`${expression}: no PromQL at ${node.from}`);
      if (name !== 'VectorSelector') return;
      const labels: string[] = [];
      const metric = node.getChild('Identifier');
      node.cursor().iterate((child) => {
        if (child.name === 'LabelName') labels.push(textOf(child.node));
      });
      selectors.push({ metric: metric === null ? '' : textOf(metric), labels });
    },
  });
  return selectors;
}

/** Labels that `expression` groups by. */
function groupingIn(expression: string): string[] {
  return [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/));
}

function missingIn(expression: string): string[] {
  const labelsOf = (metric: string) =>
    new Set(samples.filter(({ name }) => name === metric).flatMap((sample) => Object.keys(sample.labels)));
  const selectors = selectorsIn(expression).filter(({ metric }) => !OF_PROMETHEUS.includes(metric));
  expect(selectorsIn(expression).length).toBeGreaterThan(0);
  const known = new Set([...LABELS_OF_PROMETHEUS, ...selectors.flatMap(({ metric }) => [...labelsOf(metric)])]);
  return [
    ...selectors.flatMap(({ metric }) => (samples.some(({ name }) => name === metric) ? [] : [metric])),
    ...selectors.flatMap(({ labels, metric }) =>
      labels.filter((label) => !labelsOf(metric).has(label)).map((label) => `${metric}{${label}}`),
    ),
    ...groupingIn(expression).filter((label) => !known.has(label)),
  ];
}

test.each(panels.map(({ title, targets }) => [title, targets] as const))('panel %s', (_, targets) => {
  expect(targets.length).toBeGreaterThan(0);
  expect(targets.flatMap(({ expr }) => missingIn(expr))).toEqual([]);
});

test.each(rules.map((rule) => [rule.alert, rule] as const))('alert %s', (name, rule) => {
  expect(name).toMatch(/^Footfall[A-Z]/);
  expect(missingIn(rule.expr)).toEqual([]);
  expect(rule.labels.severity).toMatch(/^(critical|warning|info)$/);
  expect(rule.for).toMatch(/^\d+[sm]$/);
  // It says what is wrong and what to do.
  expect(rule.annotations.summary.length).toBeGreaterThan(10);
  expect(rule.annotations.description.length).toBeGreaterThan(10);
});

test('what is asked for is looked for: a metric or a label that nobody tells is found', () => {
  expect(rules.length).toBeGreaterThan(8);
  expect(panels.length).toBeGreaterThan(10);
  expect(missingIn('sum by (fate) (rate(footfall_events_totals[5m]))')).toEqual(['footfall_events_totals', 'fate']);
  expect(missingIn('footfall_events_total{colour="red"}')).toEqual(['footfall_events_total{colour}']);
  expect(() => missingIn('sum by (')).toThrow('no PromQL');
});

test('Prometheus scrapes every service at the port that each is given, and Grafana asks Prometheus', () => {
  const compose = parse(readFileSync(join(PROJECT_DIR, 'docker-compose.yml'), 'utf8'), { merge: true });
  const [job] = parse(read('prometheus/prometheus.yml')).scrape_configs;
  const targets = job.dns_sd_configs as { names: string[]; port: number }[];
  expect(targets.flatMap(({ names }) => names)).toEqual(['broker', 'processor', 'api']);
  for (const { names, port } of targets) {
    const { environment, ports = [] } = compose.services[String(names[0])];
    expect(environment).toMatchObject({ FOOTFALL_METRICS_HOST: '0.0.0.0', FOOTFALL_METRICS_PORT: port });
    expect(ports.join()).not.toContain(String(port));
  }
  const { datasources } = parse(read('grafana/provisioning/datasources/footfall.yml'));
  const uids = datasources.map(({ uid }: { uid: string }) => uid);
  for (const { datasource } of panels as unknown as { datasource: { uid: string } }[]) {
    expect(uids).toContain(datasource.uid);
  }
});
