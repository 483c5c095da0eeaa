// While the journal takes no appends, nothing that needs it is acknowledged over HTTP, and reads go on.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildApp } from '../../api/app.ts';
import type { Api } from '../../api/dependencies.ts';
import { Readiness } from '../../api/readiness.ts';
import { RequestTimes } from '../../api/request-times.ts';
import { startProcessor } from '../../processor/main.ts';
import { Access } from '../../shared/access.ts';
import { systemClock } from '../../shared/clock.ts';
import { readConfig } from '../../shared/config.ts';
import { FloorplanService } from '../../shared/floorplan-service.ts';
import { Ingest } from '../../shared/ingest.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { Journal } from '../../shared/storage/journal.ts';
import { openStorage } from '../../shared/storage/open.ts';
import { SpaceWatch } from '../../shared/watch.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

let app: Api;
let writer: JournalWriter;
let isFailing = false;
let close: () => Promise<void>;

const onFatal = (error: Error) => {
  throw error;
};

beforeAll(async () => {
  const dataDir = temporaryDir();
  const { config } = readConfig({ FOOTFALL_DATA_DIR: dataDir });
  const [storage, processor] = await Promise.all([openStorage(config, onFatal), startProcessor(config, onFatal)]);
  const append: Journal['append'] = (...entry) =>
    isFailing ? Promise.reject(new Error('no space left on device')) : storage.journal.append(...entry);
  const log = createLog('silent');
  writer = new JournalWriter({ append }, 1, systemClock, log);
  const floorplan = new FloorplanService(storage.floorplan, writer, processor);
  await floorplan.load();
  const shared = { clock: systemClock, futureAllowedMs: 300_000, latenessAllowedMs: 60_000 };
  const ingest = new Ingest({ ...shared, writer, plan: floorplan.plan });
  const past = {
    lostAfterMs: 86_400_000,
    requestsPerS: 100,
    suppressBelow: null,
    watch: new SpaceWatch(floorplan.facts),
    requestTimes: new RequestTimes(),
    readiness: new Readiness({ ...storage, ingest, processor, disk: null, clockWatch: { step: null } }),
    webhooks: { store: storage.webhooks, networks: [], changed: () => undefined },
  };
  const { audit, commands, connections, credentials, history } = storage;
  const access = new Access({ ...shared, store: credentials, adminKey: null, isLoopback: true });
  app = buildApp({
    ...shared,
    ...past,
    access,
    commands,
    audit,
    connections,
    credentials,
    floorplan,
    ingest,
    processor,
    history,
    log,
  });
  close = async () => {
    isFailing = false;
    await app.close();
    await writer.drained();
    await processor.close();
    await storage.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
});
afterAll(() => close());

const EVENT = { timestamp: '2026-01-01T08:00:00Z', direction: 1 };
const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload });
const stored = async (): Promise<number> => (await app.inject('/v1/events')).json().total;

test('a post that the journal refuses is 503, later ones at once; once it recovers they are stored once', async () => {
  expect((await post('/v1/dpus', { id: '1' })).statusCode).toBe(201);
  isFailing = true;
  const first = await post('/v1/dpus/1/events', EVENT);
  expect([first.statusCode, first.json().code]).toEqual([503, 'journal_unavailable']);
  expect(Number(first.headers['retry-after'])).toBeGreaterThan(0);
  for (const [url, body] of [
    ['/v1/dpus/1/events', { ...EVENT, seq: 1 }],
    ['/v1/spaces', { id: 'A' }],
    ['/v1/quarantine/replay', { reason: 'malformed' }],
  ] as const) {
    const answer = await post(url, body);
    expect([url, answer.statusCode, answer.json().code]).toEqual([url, 503, 'journal_unavailable']);
  }
  const ready = await app.inject('/readyz');
  expect([ready.statusCode, ready.json().code, ready.json().errors[0].path]).toEqual([503, 'not_ready', 'journal']);
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  expect((await app.inject('/v1/dpus/1')).statusCode).toBe(200);
  isFailing = false;
  await vi.waitFor(async () => expect((await app.inject('/readyz')).statusCode).toBe(200), { timeout: 5_000 });
  expect((await post('/v1/dpus/1/events', EVENT)).statusCode).toBe(202);
  await vi.waitFor(async () => expect(await stored()).toBe(1), { timeout: 5_000 });
  expect((await app.inject('/v1/spaces/A')).statusCode).toBe(404);
});
