// What was known when, of events that came late and moves entered later: told from the late ledger, held against a sum by hand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type { MappedEvent, Truth } from '../../shared/storage/history.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { historyPath, openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { seededRandom } from '../bench/history-of-events.ts';

const [LOBBY, HALL] = ['lobby', 'hall'] as SpaceId[] as [SpaceId, SpaceId];
const INTO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [] };
const INTO_HALL: Mapping = { status: 'counted', enters: [HALL], leaves: [LOBBY] };
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const FROM_MS = Date.UTC(2026, 2, 2);
const DAYS = 5;
const UNTIL_MS = FROM_MS + DAYS * DAY_MS;
/** DPU `moved` was in the hall from there on, as was said a day after. */
const MOVED_MS = FROM_MS + 1.3 * DAY_MS;
const SAID_MS = MOVED_MS + DAY_MS;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Two DPUs, events on time and up to two days late, with and without epoch and seq; one of the DPUs is moved. */
async function opened() {
  const place = mkdtempSync(join(tmpdir(), 'footfall-ledger-'));
  closing.push(() => rmSync(place, { recursive: true, force: true }));
  const random = seededRandom(7);
  const whole = (limit: number) => Math.floor(random() * limit);
  const events = Array.from({ length: 3_000 }, (_, index): MappedEvent => {
    const timestampMs = FROM_MS + whole(DAYS * DAY_MS);
    const recordedAtMs = timestampMs + (index % 3 === 0 ? whole(2 * DAY_MS) : whole(70_000));
    const dpuId = (index % 2 === 0 ? 'moved' : 'other') as DpuId;
    const isKnown = dpuId === 'moved' && timestampMs >= MOVED_MS && recordedAtMs >= SAID_MS;
    return {
      ...{ dpuId, timestampMs, direction: random() < 0.6 ? 1 : -1, recordedAtMs, receivedAtMs: recordedAtMs },
      ...{ epoch: index % 5 === 0 ? whole(9) : null, seq: index % 7 === 0 ? whole(2 ** 40) : null },
      ...{ mapping: isKnown ? INTO_HALL : INTO_LOBBY, position: 1 },
    };
  });
  const writer = openHistoryWriter(place);
  const reader = openHistoryReader(place);
  const batch = { quarantined: [], replayed: [], heard: [], partition: 0, position: 1 };
  await writer.commit({ ...batch, events }, () => null);
  const move = { dpuId: 'moved' as DpuId, fromMs: MOVED_MS, untilMs: 8.64e15, was: INTO_LOBBY, becomes: INTO_HALL };
  const facts = [{ factNumber: 1, recordedAtMs: SAID_MS, remappings: [move] }];
  await writer.takeFacts({ partition: 0, position: 2, factNumber: 1, facts, dueMs: 0, starts: [], shifts: [] });
  while ((await writer.recountSome(() => null)) !== null);
  /** By hand. */
  const net = (space: SpaceId, afterMs: number | null, untilMs: number, knownAtMs: number) =>
    events.reduce((sum, event) => {
      const isWithin = event.timestampMs > (afterMs ?? 0) && event.timestampMs <= untilMs;
      if (!isWithin || event.recordedAtMs > knownAtMs) return sum;
      const isInHall = event.dpuId === 'moved' && event.timestampMs >= MOVED_MS && knownAtMs >= SAID_MS;
      const mapping = isInHall ? INTO_HALL : INTO_LOBBY;
      return sum + event.direction * (Number(mapping.enters[0] === space) - Number(mapping.leaves[0] === space));
    }, 0);
  const truth: Truth = (dpuId, timestampMs, recordedAtMs) => {
    const isMoved = dpuId === 'moved' && timestampMs >= MOVED_MS;
    const first = { recordedAtMs, mapping: isMoved && recordedAtMs >= SAID_MS ? INTO_HALL : INTO_LOBBY, cause: null };
    const isRemapped = isMoved && recordedAtMs < SAID_MS;
    return isRemapped ? [first, { recordedAtMs: SAID_MS, mapping: INTO_HALL, cause: 1 }] : [first];
  };
  const end = async () => {
    await reader.close();
    await writer.close();
  };
  return { place, events, net, truth, writer, reader, end, random };
}

type Reader = ReturnType<typeof openHistoryReader>;

/** Compares at many moments, some to the millisecond of an event or of the hour. */
async function compare(reader: Reader, { net, events, random }: Awaited<ReturnType<typeof opened>>): Promise<void> {
  for (let asked = 0; asked < 400; asked++) {
    const some = events[Math.floor(random() * events.length)] as MappedEvent;
    const hourMs = 60 * MINUTE_MS;
    const untilMs = [some.timestampMs, Math.floor(some.timestampMs / hourMs) * hourMs - 1][asked % 2] as number;
    const afterMs = asked % 3 === 0 ? null : untilMs - Math.floor(random() * 2 * DAY_MS);
    const knownAtMs = asked % 5 === 0 ? SAID_MS - (asked % 2) : untilMs + Math.floor(random() ** 3 * 3 * DAY_MS);
    if (knownAtMs < untilMs) continue;
    const space = asked % 4 === 0 ? LOBBY : HALL;
    const told = await reader.netKnownAt?.(space, afterMs, untilMs, knownAtMs);
    const question = { space, afterMs, untilMs, knownAtMs };
    expect({ ...question, net: told }).toEqual({ ...question, net: net(space, afterMs, untilMs, knownAtMs) });
  }
}

test('what was known is what events and moves recorded by then come to, at any moment', async () => {
  const store = await opened();
  closing.push(store.end);
  await compare(store.reader, store);
  const later = await store.reader.netKnownAt?.(HALL, null, UNTIL_MS, UNTIL_MS + 3 * DAY_MS);
  expect(later).toBe(await store.reader.net(HALL, null, UNTIL_MS));
});

test('an audit tells a bent ledger and a bent difference, and puts both right', async () => {
  const store = await opened();
  closing.push(store.end);
  const audit = async (repair: boolean) =>
    (await store.writer.audit(store.truth, { repair })).discrepancies.map(({ detail }) => detail);
  expect(await audit(false)).toEqual([]);
  const bend = (sql: string) => {
    const database = new DatabaseSync(historyPath(store.place));
    const { changes } = database.prepare(sql).run();
    database.close();
    expect(changes).toBe(1);
  };
  bend(`UPDATE shift_day SET net = net + 1 WHERE ${firstOf('shift_day')}`);
  const day = Math.floor(MOVED_MS / DAY_MS);
  expect(await audit(true)).toEqual([`what recounts changed in day ${day}`]);
  bend('DELETE FROM difference_day WHERE day = (SELECT min(day) FROM difference_day)');
  expect((await audit(true)).join()).toMatch(/^differences of DPU moved are not found in hour \d+/);
  expect(await audit(false)).toEqual([]);
  bend(`DELETE FROM dpu_difference WHERE ${firstOf('dpu_difference')}`);
  expect((await audit(true)).join()).toContain('event of DPU moved at 2026-03-03T');
  expect(await audit(false)).toEqual([]);
  for (const set of ['events = CAST(events || events AS BLOB)', 'was = becomes']) {
    bend(`UPDATE dpu_difference SET ${set} WHERE ${firstOf('dpu_difference')}`);
    expect([set, (await audit(true)).join()]).toEqual([
      set,
      expect.stringContaining('event of DPU moved at 2026-03-03T'),
    ]);
    expect(await audit(false)).toEqual([]);
  }
  await compare(store.reader, store);
});

/** Picks the first row of the table, of which there are no row ids. */
function firstOf(table: 'shift_day' | 'dpu_difference'): string {
  return table === 'shift_day'
    ? '(day, space, recorded_at) = (SELECT day, space, recorded_at FROM shift_day LIMIT 1)'
    : '(dpu, hour, cause, recorded_at) = (SELECT dpu, hour, cause, recorded_at FROM dpu_difference LIMIT 1)';
}

/** Opens the store, and holds its answers and all that is in it against what is right. */
async function expectRight(store: Awaited<ReturnType<typeof opened>>): Promise<void> {
  const reader = openHistoryReader(store.place);
  closing.push(() => reader.close());
  await compare(reader, store);
  const writer = openHistoryWriter(store.place);
  closing.push(() => writer.close());
  expect((await writer.audit(store.truth, { repair: false })).discrepancies).toEqual([]);
}

test('a store that has a row for each difference is brought up to date as it is opened', async () => {
  const store = await opened();
  await store.end();
  const database = new DatabaseSync(historyPath(store.place));
  database.exec(
    `DROP TABLE dpu_difference; DROP TABLE difference_day; DROP TABLE shift_day; DROP INDEX event_recorded_late;
     CREATE TABLE difference (
       second INTEGER NOT NULL, dpu INTEGER NOT NULL, ms INTEGER NOT NULL, direction INTEGER NOT NULL, epoch INTEGER NOT NULL,
       seq INTEGER NOT NULL, cause INTEGER NOT NULL, was INTEGER NOT NULL, becomes INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
       PRIMARY KEY (second, dpu, ms, direction, epoch, seq, cause)
     ) STRICT, WITHOUT ROWID;
     INSERT INTO difference SELECT second, dpu, ms, direction, epoch, seq, 1,
         (SELECT number FROM mapping WHERE leaves = '[]'), (SELECT number FROM mapping WHERE leaves <> '[]'), ${SAID_MS}
       FROM event WHERE dpu = (SELECT number FROM dpu WHERE id = 'moved') AND 1000 * second + ms >= ${MOVED_MS}
         AND 1000 * second + ms + recorded_after_ms < ${SAID_MS};
     PRAGMA user_version = 1;`,
  );
  database.close();
  await expectRight(store);
});

const NOT_YET = `hour > ${MOVED_MS / (60 * MINUTE_MS) + 2}`;

test.each([
  ['has differences by hour', 3, 'DELETE FROM dpu_difference; DELETE FROM difference_day'],
  [
    'was left half-way',
    4,
    `DELETE FROM difference_hour WHERE NOT (${NOT_YET}); DELETE FROM dpu_difference WHERE ${NOT_YET};
     DELETE FROM difference_day WHERE 24 * day > (SELECT max(hour) FROM dpu_difference)`,
  ],
])('a store that %s is brought up to date as it is opened', async (_, version, older) => {
  const store = await opened();
  await store.end();
  const database = new DatabaseSync(historyPath(store.place));
  const columns = 'hour, dpu, cause, was, becomes, recorded_at, events';
  database.exec(
    `CREATE TABLE difference_hour (
       hour INTEGER NOT NULL, dpu INTEGER NOT NULL, cause INTEGER NOT NULL, was INTEGER NOT NULL, becomes INTEGER NOT NULL,
       recorded_at INTEGER NOT NULL, events BLOB NOT NULL, PRIMARY KEY (hour, dpu, cause, was, becomes, recorded_at)
     ) STRICT, WITHOUT ROWID;
     INSERT INTO difference_hour SELECT ${columns} FROM dpu_difference;
     ${older};
     PRAGMA user_version = ${version};`,
  );
  database.close();
  await expectRight(store);
});
