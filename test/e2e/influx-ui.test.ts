// For operators in the Influx UI: the dashboard can be put there and its queries run; the snippets give the API's own numbers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openInflux } from '../../shared/storage/influx-redis/influx.ts';
import { placeOf } from '../../shared/storage/influx-redis/judge.ts';
import { runCommand } from '../support/command-line.ts';
import { type Client, httpClient } from '../support/http.ts';
import { PROJECT_DIR, type Service, startService } from '../support/service.ts';
import { newInfluxRedis } from '../support/storage.ts';

let service: Service;
let client: Client;
let environment: Record<string, string>;

const MINUTE_MS = 60_000;
const BASE_MS = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 5 * 3_600_000;
const COMMAND = ['influx-dashboard', '--influx-org'];

beforeAll(async () => {
  environment = await newInfluxRedis();
  service = await startService({ environment });
  client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '283', placements: [{ doorway_id: 'X', facing: 'a' }] }, { id: '7' }],
  });
  const events = [1, 1, 1, -1, 1, -1].map((direction, index) => ({
    timestamp: BASE_MS + index * 13 * MINUTE_MS,
    direction,
  }));
  await client.post('/v1/dpus/283/events', events);
  await client.post('/v1/dpus/283/events', { timestamp: Date.now(), direction: 1 });
  await client.post('/v1/dpus/7/events', { timestamp: BASE_MS + 1, direction: 1 });
  // A move entered late: what DPU 7 saw counts after all, as a difference.
  await client.post('/v1/dpus/7/placements', { doorway_id: 'X', facing: 'a' });
}, 60_000);
afterAll(() => service.stop());

const query = (flux: string) => {
  const { INFLUX_URL: url = '', INFLUX_TOKEN: token = '', INFLUX_ORG: org = '' } = environment;
  return openInflux({ url, token, org }).query(flux);
};
const snippet = (name: string, constants: Record<string, string>): string => {
  let text = readFileSync(join(PROJECT_DIR, 'deploy/influx', `${name}.flux`), 'utf8');
  for (const [constant, value] of Object.entries(constants)) {
    text = text.replace(new RegExp(`^${constant} = .*$`, 'm'), `${constant} = ${value}`);
  }
  return text;
};

test('the running count of a space is the count that the API gives at each of its moments', async () => {
  const start = new Date(BASE_MS - MINUTE_MS).toISOString();
  const rows = await query(snippet('running-count', { space: '"A"', start }));
  expect(rows.length).toBeGreaterThan(7);
  const moments = rows.map((row) => ({ atMs: placeOf(row['_time']).timestampMs, value: Number(row['_value']) }));
  for (const [index, { atMs, value }] of moments.entries()) {
    // Of several in one millisecond the last says what the count was then.
    if (moments[index + 1]?.atMs === atMs) continue;
    const at = new Date(atMs).toISOString();
    const { count } = await client.get(`/v1/spaces/A/count?at=${encodeURIComponent(at)}`);
    expect({ at, count: value }).toEqual({ at, count });
  }
});

test('the events of a DPU today are those that the API lists', async () => {
  const rows = await query(snippet('events-of-dpu-today', { dpu: '"283"' }));
  const today = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toISOString();
  const { total } = await client.get(`/v1/dpus/283/events?start_time=${today}`);
  expect(rows.length).toBe(total);
});

test('entrances and exits by hour are those of the series, once the rollups are made', async () => {
  const [start, end] = [new Date(BASE_MS).toISOString(), new Date(BASE_MS + 2 * 3_600_000).toISOString()];
  const series = await client.get(`/v1/spaces/A/counts?start_time=${start}&end_time=${end}&interval=1h`);
  const expected = series.results.map((each: { interval: { analytics: { entrances: number; exits: number } } }) => [
    each.interval.analytics.entrances,
    each.interval.analytics.exits,
  ]);
  await vi.waitFor(
    async () => {
      const flux = snippet('entrances-and-exits-by-hour', { space: '"A"' }).replace(
        /start: \S+\)/,
        `start: ${start}, stop: ${end})`,
      );
      const rows = await query(flux);
      expect(rows.map((row) => [Number(row['entrances']), Number(row['exits'])])).toEqual(expected);
    },
    { timeout: 20_000, interval: 200 },
  );
});

test('the dashboard is put there, again without a second one, and every cell runs', async () => {
  const { INFLUX_URL: url = '', INFLUX_TOKEN: token = '', INFLUX_ORG: org = '' } = environment;
  const flags = [org, '--influx-url', url, '--influx-token', token];
  for (let time = 0; time < 2; time++) {
    const { code, stdout, stderr } = await runCommand([...COMMAND, ...flags]);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringContaining('is in the Influx UI') });
  }
  const headers = { authorization: `Token ${token}` };
  const organization = await fetch(`${url}/api/v2/orgs?org=${org}`, { headers });
  const { orgs } = (await organization.json()) as { orgs: { id: string }[] };
  const response = await fetch(`${url}/api/v2/dashboards?orgID=${orgs[0]?.id}`, { headers });
  const { dashboards } = (await response.json()) as { dashboards: { name: string; cells: object[] }[] };
  expect(dashboards.map(({ name, cells }) => [name, cells.length])).toEqual([['footfall', 4]]);
  const template = JSON.parse(readFileSync(join(PROJECT_DIR, 'deploy/influx/dashboard.json'), 'utf8')) as {
    spec: { charts?: { queries: { query: string }[] }[] };
  }[];
  const charts = template.flatMap(({ spec }) => spec.charts ?? []);
  const grafana = JSON.parse(
    readFileSync(join(PROJECT_DIR, 'deploy/grafana/dashboards/footfall.json'), 'utf8').replaceAll('${space}', 'A'),
  ) as { panels: { targets: { query: string }[] }[] };
  const queries = [
    ...charts.flatMap((chart) => chart.queries.map((each) => each.query)),
    ...grafana.panels.flatMap((panel) => panel.targets.map((each) => each.query)),
  ];
  expect(queries.length).toBe(8);
  const range = 'option v = {timeRangeStart: -1d, timeRangeStop: now(), space: "A"}\n';
  for (const flux of queries) {
    const [imports, rest] = flux.startsWith('import')
      ? [flux.slice(0, flux.indexOf('\n')), flux.slice(flux.indexOf('\n'))]
      : ['', flux];
    expect((await query(`${imports}\n${range}${rest}`)).length).toBeGreaterThan(0);
  }
});
