// Days of any zone, before and after their hours are put together, after a late event, and after somebody bent them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type { MappedEvent, Profile, Span, Truth } from '../../shared/storage/history.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { historyPath, openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { seededRandom } from '../bench/history-of-events.ts';

const LOBBY = 'lobby' as SpaceId;
const INTO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [] };
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const FROM_MS = Date.UTC(2026, 2, 2);
const DAYS = 5;
const UNTIL_MS = FROM_MS + DAYS * DAY_MS;
/** Kolkata, Kathmandu, Berlin, UTC, New York and one in the middle of a minute. */
const OFFSETS_MS = [-330, -345, -60, 0, 300, 0.5].map((minutes) => minutes * MINUTE_MS);

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function opened() {
  const place = mkdtempSync(join(tmpdir(), 'footfall-days-'));
  const writer = openHistoryWriter(place);
  const reader = openHistoryReader(place);
  closing.push(
    () => rmSync(place, { recursive: true, force: true }),
    () => writer.close(),
    () => reader.close(),
  );
  let position = 0;
  const commit = (events: readonly MappedEvent[]) =>
    writer.commit({ partition: 0, position: ++position, events, quarantined: [], replayed: [], heard: [] }, () => null);
  const random = seededRandom(11);
  const events = Array.from({ length: 1_500 }, () =>
    event(FROM_MS + Math.floor(random() * DAYS * DAY_MS), random() < 0.55 ? 1 : -1),
  );
  await commit(events);
  const tidy = async () => {
    while (await writer.tidy(UNTIL_MS + DAY_MS));
  };
  const rows = () => {
    const database = new DatabaseSync(historyPath(place));
    const kept = database.prepare('SELECT count(*) AS rows FROM day_profile WHERE hours IS NOT NULL').get();
    database.close();
    return Number(kept?.['rows']);
  };
  return { place, writer, reader, commit, events, tidy, rows };
}

function event(timestampMs: number, direction: 1 | -1): MappedEvent {
  const base = { dpuId: 'd' as DpuId, timestampMs, direction, epoch: null, seq: null, mapping: INTO_LOBBY };
  return { ...base, receivedAtMs: timestampMs + 5, recordedAtMs: timestampMs + 7, position: 1 };
}

function byForce(events: readonly MappedEvent[], { fromMs, untilMs }: Span): Profile {
  const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const within = events.filter(({ timestampMs }) => timestampMs >= fromMs && timestampMs < untilMs);
  for (const [, together] of [...Map.groupBy(within, ({ timestampMs }) => timestampMs)].sort(([a], [b]) => a - b)) {
    for (const { direction } of together) profile[direction === 1 ? 'entrances' : 'exits'] += 1;
    profile.lowest = Math.min(profile.lowest, profile.entrances - profile.exits);
    profile.highest = Math.max(profile.highest, profile.entrances - profile.exits);
  }
  return profile;
}

function spansOf(offsetMs: number): Span[] {
  return Array.from({ length: DAYS + 2 }, (_, index) => {
    const fromMs = FROM_MS + (index - 1) * DAY_MS + offsetMs;
    return { fromMs, untilMs: fromMs + DAY_MS };
  });
}

async function expectRight({ reader, events }: Pick<Awaited<ReturnType<typeof opened>>, 'reader' | 'events'>) {
  for (const offsetMs of OFFSETS_MS) {
    const spans = spansOf(offsetMs);
    expect({ offsetMs, days: await reader.profiles(LOBBY, spans) }).toEqual({
      offsetMs,
      days: spans.map((span) => byForce(events, span)),
    });
  }
}

test('days of every zone are the same whether their hours have been put together or not', async () => {
  const store = await opened();
  await expectRight(store);
  expect(store.rows()).toBe(0);
  await store.tidy();
  expect(store.rows()).toBe(DAYS);
  await expectRight(store);
});

test('a late event is in its day at once, and the other days stay put together', async () => {
  const store = await opened();
  await store.tidy();
  const late = event(FROM_MS + 2 * DAY_MS + 123_456, -1);
  await store.commit([late]);
  expect(store.rows()).toBe(DAYS - 1);
  await expectRight({ ...store, events: [...store.events, late] });
});

test('a day that is not what its hours make is found, and put right', async () => {
  const store = await opened();
  await store.tidy();
  const database = new DatabaseSync(historyPath(store.place));
  database.exec(`UPDATE day_profile SET hours = x'0001000001' WHERE day = ${FROM_MS / DAY_MS + 1}`);
  database.close();
  const truth: Truth = (_dpu, _at, recordedAtMs) => [{ recordedAtMs, mapping: INTO_LOBBY, cause: null }];
  const { discrepancies } = await store.writer.audit(truth, { repair: false });
  expect(discrepancies).toMatchObject([{ spaceId: LOBBY, detail: `hours of day ${FROM_MS / DAY_MS + 1}` }]);
  await store.writer.audit(truth, { repair: true });
  expect((await store.writer.audit(truth, { repair: false })).discrepancies).toEqual([]);
  await expectRight(store);
  await store.tidy();
  await expectRight(store);
});
