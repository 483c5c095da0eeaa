// Ingest on a real journal: what becomes an event, what is quarantined with its bytes, what a replay may do.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { Ingest, type Message, type Outcome } from '../../shared/ingest.ts';
import { decodeEntry, type JournalRecord } from '../../shared/journal-entry.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { openJournalReader } from '../../shared/storage/sqlite/journal-reader.ts';

const NOW = Date.UTC(2026, 0, 15, 9);
const KNOWN = 'known' as DpuId;
const clock = { nowMs: () => NOW, monotonicMs: () => performance.now() };

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function started() {
  const place = mkdtempSync(join(tmpdir(), 'footfall-ingest-'));
  const appender = openJournalAppender(place, 0, clock);
  const reader = openJournalReader(place, 1);
  cleanups.push(
    () => rmSync(place, { recursive: true, force: true }),
    () => appender.close(),
    () => reader.close(),
  );
  const plan = new Floorplan();
  plan.apply({
    number: 1,
    recordedAtMs: 0,
    by: null,
    change: { kind: 'dpu', id: KNOWN, name: 'known', retiredAtMs: null },
  });
  const ingest = new Ingest({
    writer: new JournalWriter(appender, 1, clock, createLog('silent')),
    plan,
    clock,
    futureAllowedMs: 300_000,
    latenessAllowedMs: 60_000,
  });
  const accept = (text: string, more: Partial<Message> = {}) =>
    new Promise<readonly Outcome[]>((resolve) =>
      ingest.accept({ dpuId: KNOWN, topic: null, payload: Buffer.from(text), ...more }, resolve),
    );
  const records = async (): Promise<JournalRecord[]> => {
    const { newest } = await reader.lag(0, 0);
    if (newest === 0) return [];
    const { promise, resolve } = Promise.withResolvers<JournalRecord[]>();
    await reader.own('test', async (ownership) => {
      const entries = await reader.read(ownership, 0, { maxBytes: 1e6 });
      resolve(entries.flatMap((entry) => decodeEntry(entry.bytes)));
    });
    return promise;
  };
  return { ingest, accept, records };
}

const good = (ms = NOW) => JSON.stringify({ timestamp: ms, direction: 1 });
const kinds = (outcomes: readonly Outcome[]) => outcomes.map((outcome) => outcome.reason ?? outcome.status);

test('good events of a message become one record', async () => {
  const { accept, records } = started();
  expect(kinds(await accept(`[${good()},${good(NOW - 1)}]`))).toEqual(['accepted', 'accepted']);
  expect(await records()).toEqual([
    expect.objectContaining({ kind: 'events', dpuId: KNOWN, receivedAtMs: NOW, replayOf: null }),
  ]);
});

test('of a message that is partly bad the good part counts, and the whole of it is kept once for each reason', async () => {
  const { accept, records } = started();
  const text = `[${good()},{"direction":1},7,${good(NOW + 300_001)}]`;
  expect(kinds(await accept(text, { topic: 'dpu/known/events' }))).toEqual([
    'accepted',
    'malformed',
    'malformed',
    'clock_in_future',
  ]);
  const [events, ...quarantined] = await records();
  expect(events).toMatchObject({ kind: 'events', events: [{ timestampMs: NOW }] });
  expect(quarantined).toMatchObject([
    { reason: 'malformed', topic: 'dpu/known/events', payload: Buffer.from(text) },
    { reason: 'clock_in_future', payload: Buffer.from(text) },
  ]);
  expect(quarantined[0]).toMatchObject({ detail: expect.stringMatching(/^\[1\] .*; \[2\] /) });
});

test('what cannot be read at all is kept byte for byte', async () => {
  const { accept, records } = started();
  const payload = Buffer.from([0xff, 0x00, 0x7b, 0xc3]);
  expect(kinds(await accept('', { payload }))).toEqual(['malformed']);
  expect(await records()).toMatchObject([{ kind: 'quarantined', reason: 'malformed', payload }]);
});

test('events of an unknown DPU are quarantined with the message they came in', async () => {
  const { accept, records } = started();
  expect(kinds(await accept(good(), { dpuId: 'stranger' as DpuId }))).toEqual(['unknown_dpu']);
  expect(await records()).toMatchObject([{ reason: 'unknown_dpu', dpuId: 'stranger', payload: Buffer.from(good()) }]);
});

test('an empty array is acknowledged and stores that the DPU was heard', async () => {
  const { accept, records } = started();
  expect(await accept('[]')).toEqual([]);
  expect(await records()).toMatchObject([{ kind: 'heard', dpuId: 'known', holdMs: null }]);
});

test('a replay of what is still bad stores nothing; of what is good by now it says what it replays', async () => {
  const { accept, records } = started();
  expect(kinds(await accept('{', { replayOf: 'x-1-0' }))).toEqual(['malformed']);
  expect(await records()).toEqual([]);
  expect(kinds(await accept(good(), { replayOf: 'x-2-0' }))).toEqual(['accepted']);
  expect(await records()).toMatchObject([{ kind: 'events', replayOf: 'x-2-0' }]);
});

test('what is no message of a DPU is kept with its topic', async () => {
  const { ingest, records } = started();
  const payload = Buffer.from('hello');
  await new Promise<void>((resolve) =>
    ingest.quarantine({ topic: 'a/b', payload, reason: 'malformed', detail: 'topic' }, resolve),
  );
  expect(await records()).toMatchObject([{ kind: 'quarantined', topic: 'a/b', dpuId: null, payload }]);
});
