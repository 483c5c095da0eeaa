// /readyz: every check with its state; what keeps the service from being ready says what to do about it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Readiness, type ReadinessSources } from '../../api/readiness.ts';
import type { WebhookRecord } from '../../shared/storage/webhooks.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const isOnServers = process.env['FOOTFALL_TEST_STORAGE'] === 'influx-redis';
const EVERYWHERE = ['draining', 'journal', 'processor', 'history', 'clock', 'recounts', 'webhooks'];

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

test('a service that is ready lists what was looked at', async () => {
  const { status, checks } = await httpClient(service.httpUrl).get('/readyz');
  expect(status).toBe('ok');
  const names = checks.map(({ name }: { name: string }) => name);
  expect(names.toSorted()).toEqual([...EVERYWHERE, ...(isOnServers ? ['redis', 'influxdb'] : ['disk'])].toSorted());
  for (const check of checks) expect(check).toMatchObject({ state: 'ok', detail: null, action: null });
});

const WELL: ReadinessSources = {
  ingest: { writer: { failing: false } as ReadinessSources['ingest']['writer'] },
  processor: { applied: async () => true },
  history: { counts: async () => [], openRecounts: async () => [] },
  servers: {},
  webhooks: { webhooks: async () => [] },
  disk: null,
  clockWatch: { step: null },
};

const GIVEN_UP = {
  webhook: { isEnabled: true, revision: 1 },
  progress: { disabled: { revision: 1 } },
} as unknown as WebhookRecord;

test.each([
  [
    'journal',
    { ingest: { writer: { failing: true } as ReadinessSources['ingest']['writer'] } },
    'failing',
    /free space/,
  ],
  ['processor', { processor: { applied: async () => false } }, 'failing', /start a processor/],
  ['history', { history: { ...WELL.history, counts: () => new Promise(() => undefined) } }, 'failing', /see the log/],
  ['redis', { servers: { redis: () => Promise.reject(new Error('away')) } }, 'failing', /REDIS_URL/],
  ['influxdb', { servers: { influxdb: () => Promise.reject(new Error('away')) } }, 'warning', /INFLUX_URL/],
  ['clock', { clockWatch: { step: { byMs: 90_000, leftMs: 30_000 } } }, 'failing', /kept still for another 30 s/],
  ['disk', { disk: { folder: '/data', room: () => ({ freeBytes: 1, neededBytes: 2 }) } }, 'failing', /free some space/],
  ['disk', { disk: { folder: '/data', room: () => ({ freeBytes: 3, neededBytes: 2 }) } }, 'warning', /free some space/],
  ['recounts', { history: { ...WELL.history, openRecounts: async () => [{}, {}] } }, 'warning', /v1\/recounts/],
  ['webhooks', { webhooks: { webhooks: async () => [GIVEN_UP] } }, 'warning', /v1\/webhooks/],
] as [
  string,
  Partial<ReadinessSources>,
  string,
  RegExp,
][])('%s that is not well says so', async (name, bad, state, action) => {
  const checks = await new Readiness({ ...WELL, ...bad }).checks();
  const [check, ...more] = checks.filter((each) => each.state !== 'ok');
  expect(check).toMatchObject({ name, state, action: expect.stringMatching(action) });
  expect(check?.detail).not.toBeNull();
  expect(more).toEqual([]);
});

test('a service that is going to stop is not ready', async () => {
  const readiness = new Readiness(WELL);
  readiness.drain();
  const wrong = (await readiness.checks()).filter(({ state }) => state !== 'ok');
  expect(wrong).toMatchObject([{ name: 'draining', state: 'failing', action: expect.stringContaining('another') }]);
});
