// The events of a DPU packed by hour, of which recounts are made: of every kind of event, after somebody bent them, and in older stores.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type { MappedEvent, Truth } from '../../shared/storage/history.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { historyPath, openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { seededRandom } from '../bench/history-of-events.ts';

const [LOBBY, HALL] = ['lobby', 'hall'] as SpaceId[] as [SpaceId, SpaceId];
const INTO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [] };
const INTO_HALL: Mapping = { status: 'counted', enters: [HALL], leaves: [] };
const HOUR_MS = 3_600_000;
const FROM_MS = Date.UTC(2026, 2, 2, 9);
const HOURS = 8;
const UNTIL_MS = FROM_MS + HOURS * HOUR_MS;
const DPUS = ['d1', 'd2', 'd3'] as DpuId[];

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function event(timestampMs: number, recordedAfterMs: number, other: Partial<MappedEvent> = {}): MappedEvent {
  const recordedAtMs = timestampMs + recordedAfterMs;
  const base = { dpuId: DPUS[0] as DpuId, timestampMs, direction: 1, epoch: null, seq: null, position: 1 } as const;
  return { ...base, mapping: INTO_LOBBY, recordedAtMs, receivedAtMs: recordedAtMs, ...other };
}

/** In no order, half of them in the first hour; with and without epoch and seq, on time, late, ahead of the clock. */
function eventsOfAllKinds(): MappedEvent[] {
  const random = seededRandom(19);
  const whole = (limit: number) => Math.floor(random() * limit);
  return Array.from({ length: 1_200 }, (_, index) => {
    const recordedAfterMs = [whole(60_001), 60_001 + whole(40 * HOUR_MS), 60_000, -whole(300_000)][index % 4] as number;
    return event(FROM_MS + whole((index % 2 === 0 ? 1 : HOURS) * HOUR_MS), recordedAfterMs, {
      dpuId: DPUS[whole(DPUS.length)] as DpuId,
      direction: random() < 0.6 ? 1 : -1,
      epoch: index % 5 === 0 ? [0, 1, 2 ** 40][whole(3)] : null,
      seq: index % 7 === 0 ? whole(2 ** 53) : null,
      mapping: index % 6 === 0 ? INTO_HALL : INTO_LOBBY,
    } as Partial<MappedEvent>);
  });
}

function opened() {
  const place = mkdtempSync(join(tmpdir(), 'footfall-hours-'));
  const writer = openHistoryWriter(place);
  const reader = openHistoryReader(place);
  closing.push(() => rmSync(place, { recursive: true, force: true }), writer.close, reader.close);
  let position = 0;
  const commit = async (events: readonly MappedEvent[]) => {
    const batch = { partition: 0, position: ++position, quarantined: [], replayed: [], heard: [] };
    await writer.commit({ ...batch, events }, () => null);
  };
  /** All events of the DPU that are mapped into the lobby are into the hall, as was said at `recordedAtMs`. */
  const say = async (dpuId: DpuId, recordedAtMs: number) => {
    const remapping = { dpuId, fromMs: 0, untilMs: 8.64e15, was: INTO_LOBBY, becomes: INTO_HALL };
    const facts = [{ factNumber: ++position, recordedAtMs, remappings: [remapping] }];
    const taken = { partition: 0, position, factNumber: position, dueMs: 0, starts: [], shifts: [] };
    await writer.takeFacts({ ...taken, facts });
  };
  const recount = async () => {
    while ((await writer.recountSome(() => null)) !== null);
  };
  const move = async (dpuId: DpuId, recordedAtMs: number) => {
    await say(dpuId, recordedAtMs);
    await recount();
  };
  const net = (space: SpaceId, knownAtMs: number) => reader.netKnownAt?.(space, null, UNTIL_MS, knownAtMs);
  return { place, writer, reader, commit, say, recount, move, net };
}

function sql(place: string, text: string): number {
  const database = new DatabaseSync(historyPath(place));
  try {
    const before = Number(database.prepare('SELECT total_changes() AS changes').get()?.['changes']);
    database.exec(text);
    return Number(database.prepare('SELECT total_changes() AS changes').get()?.['changes']) - before;
  } finally {
    database.close();
  }
}

/** As `events` were first mapped: nothing was said since. */
function truthOf(events: readonly MappedEvent[]): Truth {
  const keyOf = (dpuId: DpuId, timestampMs: number, recordedAtMs: number) => `${dpuId} ${timestampMs} ${recordedAtMs}`;
  const mappings = new Map(
    events.map(({ dpuId, timestampMs, recordedAtMs, mapping }) => [keyOf(dpuId, timestampMs, recordedAtMs), mapping]),
  );
  return (dpuId, timestampMs, recordedAtMs) => [
    { recordedAtMs, mapping: mappings.get(keyOf(dpuId, timestampMs, recordedAtMs)) as Mapping, cause: null },
  ];
}

test('a recount moves every event that is mapped as it says, from when both were recorded', async () => {
  const { commit, move, net } = opened();
  const events = eventsOfAllKinds();
  for (let at = 0; at < events.length; at += 50) await commit(events.slice(at, at + 50));
  const moves = DPUS.map((dpuId, index) => ({ dpuId, saidMs: FROM_MS + (index + 1) * 2 * HOUR_MS }));
  for (const { dpuId, saidMs } of moves) await move(dpuId, saidMs);
  const told: unknown[] = [];
  const right: unknown[] = [];
  for (let knownAtMs = UNTIL_MS; knownAtMs < UNTIL_MS + 40 * HOUR_MS; knownAtMs += 1_234_567) {
    const known = events.filter((each) => each.recordedAtMs <= knownAtMs);
    const inHall = known.filter(
      (each) => each.mapping === INTO_HALL || moves.some(({ dpuId }) => dpuId === each.dpuId),
    );
    right.push([inHall.reduce((sum, { direction }) => sum + direction, 0), 0]);
    told.push([await net(HALL, knownAtMs), await net(LOBBY, knownAtMs)]);
  }
  expect(told).toEqual(right);
});

test('how many events a recount will have is told roughly while it runs, and exactly when it is done', async () => {
  const { writer, reader, commit, say, recount } = opened();
  const random = seededRandom(23);
  // By day more than by night.
  const events = Array.from({ length: 10_000 }, (_, index) => {
    const hours = Math.floor(random() * 50) * 24 + 6 + Math.floor(random() ** 2 * 18);
    return event(FROM_MS + hours * HOUR_MS + index * 97, 10);
  });
  for (let at = 0; at < events.length; at += 1_000) await commit(events.slice(at, at + 1_000));
  await say(DPUS[0] as DpuId, FROM_MS + 60 * 24 * HOUR_MS);
  await writer.recountSome(() => null);
  const [running] = await reader.recounts(0, 100);
  expect(running).toMatchObject({ isDone: false });
  expect(running?.eventsTotal).toBeGreaterThan(0.8 * events.length);
  expect(running?.eventsTotal).toBeLessThan(1.2 * events.length);
  await recount();
  const done = { isDone: true, eventsDone: events.length, eventsTotal: events.length };
  expect(await reader.recounts(0, 100)).toMatchObject([done]);
});

test.each([
  { recordedAfterMs: 30_000, saidAfterMs: 10_000 },
  { recordedAfterMs: 90_000, saidAfterMs: 70_000 },
])('an event recorded after the fact is known as the fact says from its own recording on: %j', async (times) => {
  const { recordedAfterMs, saidAfterMs } = times;
  const { commit, move, net } = opened();
  await commit([event(UNTIL_MS, recordedAfterMs), event(FROM_MS, 10)]);
  await move(DPUS[0] as DpuId, UNTIL_MS + saidAfterMs);
  const known = async (ms: number) => [await net(LOBBY, UNTIL_MS + ms), await net(HALL, UNTIL_MS + ms)];
  expect(await known(saidAfterMs - 1)).toEqual([1, 0]);
  expect(await known(saidAfterMs)).toEqual([0, 1]);
  expect(await known(recordedAfterMs - 1)).toEqual([0, 1]);
  expect(await known(recordedAfterMs)).toEqual([0, 2]);
});

describe('an audit tells packed events that are not those stored, and packs them anew', () => {
  const one = '(hour, dpu, mapping) = (SELECT hour, dpu, mapping FROM event_hour ORDER BY length(events) DESC LIMIT 1)';
  test.each([
    ['gone', `DELETE FROM event_hour WHERE ${one}`],
    ['of no DPU that there is', `UPDATE event_hour SET dpu = 99 WHERE ${one}`],
    ['mapped otherwise', `UPDATE event_hour SET mapping = 99 WHERE ${one}`],
    ['mapped otherwise, of a full row', 'UPDATE event_hour_full SET mapping = 99 WHERE part = 1'],
    ['gone, of one that came late', `DELETE FROM event_hour_late WHERE hour = (SELECT max(hour) FROM event_hour_late)`],
    ['twice', `UPDATE event_hour SET events = CAST(events || events AS BLOB) WHERE ${one}`],
    ['one short', `UPDATE event_hour SET events = substr(events, 4) WHERE ${one}`],
    ['cut off', `UPDATE event_hour SET events = substr(events, 1, length(events) - 1) WHERE ${one}`],
    ['at another time', `UPDATE event_hour SET events = CAST(x'000001' || substr(events, 4) AS BLOB) WHERE ${one}`],
    ['gone, of a full row', 'DELETE FROM event_hour_full WHERE part = 1'],
    ['of an hour without events', `INSERT INTO event_hour VALUES (1, 1, 1, x'000001')`],
  ])('%s', async (_, bend) => {
    const { place, writer, commit } = opened();
    const events = eventsOfAllKinds();
    await commit(events.slice(0, 600));
    await commit(events.slice(600));
    const audit = async (repair: boolean) => {
      const { discrepancies } = await writer.audit(truthOf(events), { repair });
      return discrepancies.map(({ detail }) => detail);
    };
    expect(await audit(false)).toEqual([]);
    expect(sql(place, bend)).toBeGreaterThan(0);
    const found = await audit(false);
    expect(found.join()).toMatch(/^packed events of DPU \w+ in hour \d+/);
    expect(await audit(true)).toEqual(found);
    expect(await audit(false)).toEqual([]);
  });
});

const HALF_WAY = FROM_MS / HOUR_MS + 2;
const LATE_ALONE = FROM_MS / HOUR_MS + HOURS;
const deletion = (which: string) =>
  ['event_hour', 'event_hour_late', 'event_hour_full'].map((table) => `DELETE FROM ${table} WHERE ${which}`).join(';');

test.each([
  ['has only the seconds of events', deletion('true')],
  ['was left half-way', `${deletion(`hour > ${HALF_WAY}`)}; DROP TABLE dpu_hour`],
  ['was left at an hour of late events alone', `${deletion(`hour > ${LATE_ALONE}`)}; DROP TABLE dpu_hour`],
])('a store that %s is brought up to date as it is opened', async (_, older) => {
  const { place, writer, reader, commit } = opened();
  const events = [...eventsOfAllKinds(), event(UNTIL_MS, HOUR_MS), event(UNTIL_MS + HOUR_MS, 10)];
  await commit(events);
  await writer.close();
  await reader.close();
  closing.splice(1);
  const table = 'hour INTEGER NOT NULL, dpu INTEGER NOT NULL, seconds BLOB NOT NULL, PRIMARY KEY (hour, dpu)';
  sql(place, `CREATE TABLE dpu_hour (${table}) STRICT, WITHOUT ROWID; ${older}; PRAGMA user_version = 2`);
  const [readerAgain, writerAgain] = [openHistoryReader(place), openHistoryWriter(place)];
  closing.push(readerAgain.close, writerAgain.close);
  expect((await writerAgain.audit(truthOf(events), { repair: false })).discrepancies).toEqual([]);
  const span = { fromMs: FROM_MS, untilMs: UNTIL_MS };
  const dpuId = DPUS[1] as DpuId;
  const ofDpu = await readerAgain.events({ dpuId, span, by: 'timestamp', order: 'asc', limit: 1 });
  const right = events.filter((each) => each.dpuId === dpuId && each.timestampMs >= FROM_MS);
  expect(ofDpu.total).toBe(right.length);
});
