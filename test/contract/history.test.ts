// What every history back-end promises: each identity once, sums right at every moment, live counts, pages, quarantine, audit.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type {
  Batch,
  EventsQuery,
  HistoryReader,
  HistoryWriter,
  MappedEvent,
  Truth,
} from '../../shared/storage/history.ts';
import type { LiveReader } from '../../shared/storage/live.ts';
import type { QuarantineReader } from '../../shared/storage/quarantine.ts';
import type { RecountReader } from '../../shared/storage/recounts.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';

type Backend = {
  readonly name: string;
  openWriter(place: string): HistoryWriter;
  openReader(place: string): HistoryReader & LiveReader & QuarantineReader & RecountReader;
};

const BACKENDS: Backend[] = [{ name: 'sqlite', openWriter: openHistoryWriter, openReader: openHistoryReader }];

const LOBBY = 'lobby' as SpaceId;
const HALL = 'hall' as SpaceId;
const INTO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [] };
const HALL_TO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [HALL] };
const UNPLACED: Mapping = { status: 'unplaced', enters: [], leaves: [] };
/** No event lies before a reset. */
const NEVER_ENDS = () => null;
const NINE = Date.UTC(2026, 0, 15, 9);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const EVER = { fromMs: 0, untilMs: Date.UTC(2100, 0, 1) };

/** One event: `up` or `down` by DPU d, at 9:00 plus so many ms. */
function event(afterNineMs: number, direction: 1 | -1 = 1, more: Partial<MappedEvent> = {}): MappedEvent {
  const timestampMs = NINE + afterNineMs;
  const base = { dpuId: 'd' as DpuId, timestampMs, direction, epoch: null, seq: null, mapping: INTO_LOBBY };
  return { ...base, receivedAtMs: timestampMs + 5, recordedAtMs: timestampMs + 7, position: 1, ...more };
}

describe.each(BACKENDS)('history on $name', ({ openWriter, openReader }) => {
  const closing: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function opened() {
    const place = mkdtempSync(join(tmpdir(), 'footfall-history-'));
    const writer = openWriter(place);
    const reader = openReader(place);
    closing.push(
      () => rmSync(place, { recursive: true, force: true }),
      () => writer.close(),
      () => reader.close(),
    );
    let position = 0;
    const commit = (events: readonly MappedEvent[], more: Partial<Batch> = {}) =>
      writer.commit(
        { partition: 0, position: ++position, events, quarantined: [], replayed: [], heard: [], ...more },
        NEVER_ENDS,
      );
    const countAt = async (spaceId: SpaceId, afterNineMs: number) => {
      return reader.net(spaceId, null, NINE + afterNineMs);
    };
    return { place, writer, reader, commit, countAt };
  }

  test('a count at T takes in events at T and none after it', async () => {
    const { commit, countAt } = opened();
    await commit([event(0), event(1), event(1_000, -1)]);
    expect(await Promise.all([-1, 0, 1, 999, 1_000].map((ms) => countAt(LOBBY, ms)))).toEqual([0, 1, 2, 2, 1]);
  });

  test.each([
    ['the same millisecond and direction of another DPU', { dpuId: 'e' as DpuId }, 2],
    ['another direction', { direction: -1 as const }, 0],
    ['another epoch', { epoch: 1 }, 2],
    ['another seq', { seq: 0 }, 2],
    ['the same again, received later', { receivedAtMs: NINE + 99_999, recordedAtMs: NINE + 99_999 }, 1],
  ])('%s is a duplicate only when the identity is the same', async (_, more, count) => {
    const { commit, countAt } = opened();
    await commit([event(0)]);
    await commit([event(0, 1, more)]);
    await commit([event(0), event(0, 1, more)]);
    expect(await countAt(LOBBY, 10)).toBe(count);
  });

  test('a commit tells how many events were new, also among many duplicates', async () => {
    const { commit } = opened();
    const many = Array.from({ length: 1_000 }, (_, index) => event(index * 37));
    expect(await commit(many)).toEqual({ stored: 1_000, unplaced: 0, voided: 0 });
    expect(await commit([...many, event(5), ...many])).toEqual({ stored: 1, unplaced: 0, voided: 0 });
  });

  test('duplicates are counted by identity, however they come, and an event that comes once is none', async () => {
    const { commit, reader } = opened();
    const many = Array.from({ length: 500 }, (_, index) => event(index * 37));
    await commit(many);
    await commit([event(37), event(37), event(37, -1), event(37, 1, { epoch: 1 }), event(74), event(20_000)]);
    await commit([event(20_000), event(37, 1, { epoch: 1 })]);
    const within = await reader.duplicates({ fromMs: NINE + 37, untilMs: NINE + 20_001 }, 'd' as DpuId);
    const copies = within.map(({ timestampMs, direction, epoch, seq, copies }) => [
      timestampMs - NINE,
      direction,
      epoch,
      seq,
      copies,
    ]);
    expect(copies).toEqual([
      [37, 1, null, null, 2],
      [37, 1, 1, null, 1],
      [74, 1, null, null, 1],
      [20_000, 1, null, null, 1],
    ]);
    expect(await reader.duplicates({ fromMs: NINE, untilMs: NINE + 37 }, null)).toEqual([]);
    expect(await reader.duplicates({ fromMs: NINE, untilMs: NINE + 99_999 }, 'e' as DpuId)).toEqual([]);
  });

  test('sums are right on both sides of every edge of a minute, hour, day and month', async () => {
    const { commit, countAt } = opened();
    const edges = [MINUTE_MS, HOUR_MS, 15 * HOUR_MS, 17 * 24 * HOUR_MS - 9 * HOUR_MS, 400 * 24 * HOUR_MS];
    await commit(edges.flatMap((edge) => [event(edge - 1), event(edge)]));
    for (const [index, edge] of edges.entries()) {
      expect(await countAt(LOBBY, edge - 1)).toBe(2 * index + 1);
      expect(await countAt(LOBBY, edge)).toBe(2 * index + 2);
    }
  });

  test('a late event is in every count after its own time at once, before and after its hour is tidied', async () => {
    const { commit, countAt, writer } = opened();
    await commit([event(0), event(10 * 24 * HOUR_MS)]);
    while (await writer.tidy(NINE + 30 * 24 * HOUR_MS));
    await commit([event(30_000)]);
    const counts = () => Promise.all([29_999, 30_000, 10 * 24 * HOUR_MS].map((ms) => countAt(LOBBY, ms)));
    expect(await counts()).toEqual([1, 2, 3]);
    while (await writer.tidy(NINE + 30 * 24 * HOUR_MS));
    expect(await counts()).toEqual([1, 2, 3]);
  });

  test.each([
    ['before'],
    ['after'],
  ])('a profile has the extremes after each millisecond, %s its hours are tidied', async (when) => {
    const { commit, reader, writer } = opened();
    // Up to 2, down to -1 within one millisecond (not looked at), then 1, an hour later -2.
    const moments = [
      event(0),
      event(1),
      event(5, -1),
      event(5, -1, { seq: 1 }),
      event(5, -1, { seq: 2 }),
      event(5, 1),
      event(5, 1, { seq: 3 }),
    ];
    await commit([...moments, ...[0, 1, 2].map((seq) => event(HOUR_MS + seq, -1))]);
    if (when === 'after') while (await writer.tidy(NINE + 30 * HOUR_MS));
    const spans = [
      { fromMs: NINE, untilMs: NINE + 2 * HOUR_MS },
      { fromMs: NINE + 2 * HOUR_MS, untilMs: NINE + 3 * HOUR_MS },
    ];
    expect(await reader.profiles(LOBBY, spans)).toEqual([
      { entrances: 4, exits: 6, lowest: -2, highest: 2 },
      { entrances: 0, exits: 0, lowest: 0, highest: 0 },
    ]);
    const [within] = await reader.profiles(LOBBY, [{ fromMs: NINE + 1, untilMs: NINE + HOUR_MS + 2 }]);
    expect(within).toEqual({ entrances: 3, exits: 5, lowest: -2, highest: 1 });
  });

  test('a recount moves the events of its span and no others, and can be taken back', async () => {
    const { commit, countAt, reader, writer } = opened();
    await commit([event(0), event(1_000), event(2_000)]);
    const span = { dpuId: 'd' as DpuId, fromMs: NINE + 1_000, untilMs: NINE + 2_000 };
    const there = { ...span, was: INTO_LOBBY, becomes: HALL_TO_LOBBY };
    const back = { ...span, was: HALL_TO_LOBBY, becomes: INTO_LOBBY };
    const recount = async (factNumber: number, remapping: typeof there) => {
      await writer.takeFacts({
        partition: 0,
        position: 10 + factNumber,
        factNumber,
        facts: [{ factNumber, recordedAtMs: NINE + 9_999, remappings: [remapping] }],
        dueMs: NINE,
        starts: [],
        shifts: [],
      });
      while ((await writer.recountSome(NEVER_ENDS)) !== null);
      const [state] = await reader.recounts(factNumber, factNumber);
      return state;
    };
    expect(await recount(1, there)).toMatchObject({
      spaceIds: [HALL],
      eventsTotal: 1,
      eventsDone: 1,
      isDone: true,
    });
    expect([await countAt(HALL, 999), await countAt(HALL, 5_000), await countAt(LOBBY, 5_000)]).toEqual([0, -1, 3]);
    await recount(2, back);
    expect([await countAt(HALL, 5_000), await countAt(LOBBY, 5_000)]).toEqual([0, 3]);
    expect(await writer.progress(0)).toMatchObject({ position: 12, factNumber: 2, dueMs: NINE, recounting: null });
  });

  const startAt = (atMs: number | null) => ({ dueMs: NINE, starts: [{ spaceId: LOBBY, atMs }], shifts: [] });

  test('live counts start after the reset they are told, whatever comes before or after', async () => {
    const { commit, reader, writer } = opened();
    await commit([event(0), event(10_000)]);
    await writer.moveResets(0, startAt(NINE + 5_000));
    await commit([event(1_000), event(20_000), event(5_000)]);
    const [live] = await reader.counts([LOBBY, HALL]);
    expect(live).toMatchObject({ startAtMs: NINE + 5_000, net: 2, newestMs: NINE + 20_000 });
    await writer.moveResets(0, startAt(null));
    const [again, hall] = await reader.counts([LOBBY, HALL]);
    expect(again).toMatchObject({ startAtMs: null, net: 5 });
    expect(again?.revision).toBeGreaterThan(live?.revision ?? 0);
    expect(hall).toMatchObject({ net: 0, newestMs: null, revision: 0 });
  });

  test.each<EventsQuery['order']>([
    'asc',
    'desc',
  ])('pages of events hold each one once, in order (%s), whatever is asked for', async (order) => {
    const { commit, reader } = opened();
    const late = { recordedAtMs: NINE + 5 * HOUR_MS, receivedAtMs: NINE + 5 * HOUR_MS };
    const mine = Array.from({ length: 7 }, (_, index) =>
      event(index * 700, index % 2 === 0 ? 1 : -1, index === 3 ? late : {}),
    );
    const theirs = Array.from({ length: 3 }, (_, index) =>
      event(index * 900 + 1, 1, { dpuId: 'e' as DpuId, mapping: UNPLACED }),
    );
    await commit([...mine, ...theirs]);
    const read = async (query: Partial<EventsQuery>) => {
      const found: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await reader.events({
          by: 'timestamp',
          span: EVER,
          order,
          limit: 2,
          ...query,
          ...(cursor === undefined ? {} : { cursor }),
        });
        found.push(...page.results.map((each) => `${each.dpuId} ${each.timestampMs - NINE} ${each.status}`));
        if (page.next === null) return { total: page.total, found };
        cursor = page.next;
      }
    };
    const expected = (events: readonly MappedEvent[], by: 'timestampMs' | 'recordedAtMs' = 'timestampMs') => {
      const sorted = events.toSorted((one, other) => one[by] - other[by]);
      const texts = sorted.map((each) => `${each.dpuId} ${each.timestampMs - NINE} ${each.mapping.status}`);
      return { total: events.length, found: order === 'asc' ? texts : texts.reverse() };
    };
    expect(await read({})).toEqual(expected([...mine, ...theirs]));
    expect(await read({ by: 'received' })).toEqual(expected([...mine, ...theirs], 'recordedAtMs'));
    expect(await read({ dpuId: 'd' as DpuId })).toEqual(expected(mine));
    expect(await read({ dpuId: 'd' as DpuId, by: 'received' })).toEqual(expected(mine, 'recordedAtMs'));
    expect(await read({ spaceId: LOBBY })).toEqual(expected(mine));
    expect(await read({ span: { fromMs: NINE + 1, untilMs: NINE + 900 } })).toEqual(
      expected([mine[1], theirs[0]] as MappedEvent[]),
    );
    const laterThan = (recorded: number) => ({ fromMs: NINE + recorded, untilMs: EVER.untilMs });
    expect((await read({ by: 'received', span: laterThan(708) })).found).not.toContain('d 0 counted');
    expect((await read({ by: 'received', span: laterThan(707) })).found).toContain('d 700 counted');
    expect(await read({ dpuId: 'nobody' as DpuId })).toEqual({ total: 0, found: [] });
  });

  test('quarantined items are kept once, listed newest first, and go when their replay is stored', async () => {
    const { commit, reader } = opened();
    const item = (id: string) => ({
      kind: 'quarantined' as const,
      id,
      topic: 't',
      dpuId: 'x' as DpuId,
      reason: 'unknown_dpu' as const,
      receivedAtMs: NINE,
      recordedAtMs: NINE,
      payload: Buffer.from('{}'),
      detail: 'no such DPU',
    });
    await commit([], { quarantined: [item('1'), item('2'), item('3')] });
    await commit([], { quarantined: [item('2')] });
    const page = await reader.list({ limit: 2 });
    expect({ total: page.total, ids: page.results.map((each) => each.id) }).toEqual({ total: 3, ids: ['3', '2'] });
    expect((await reader.list({ limit: 2, cursor: String(page.next) })).results.map((each) => each.id)).toEqual(['1']);
    expect(Buffer.from((await reader.list({ ids: ['1'], limit: 1 })).results[0]?.payload ?? []).toString()).toBe('{}');
    await commit([event(0)], { replayed: ['2'] });
    expect((await reader.list({ reason: 'unknown_dpu', dpuId: 'x' as DpuId, limit: 9 })).total).toBe(2);
    expect((await reader.list({ reason: 'malformed', limit: 9 })).total).toBe(0);
  });

  test('everything is there after a restart', async () => {
    const { place, commit, countAt, writer } = opened();
    await commit([event(0), event(MINUTE_MS)]);
    const again = openWriter(place);
    closing.push(() => again.close());
    expect(await writer.progress(0)).toMatchObject({ position: 1, factNumber: 0 });
    expect(await again.progress(0)).toMatchObject({ position: 1, factNumber: 0 });
    expect(
      await again.commit(
        { partition: 0, position: 9, events: [event(0), event(2)], quarantined: [], replayed: [], heard: [] },
        NEVER_ENDS,
      ),
    ).toMatchObject({ stored: 1 });
    expect(await countAt(LOBBY, HOUR_MS)).toBe(3);
  });

  test('an audit finds nothing where all is right, and puts right what the facts say otherwise', async () => {
    const { commit, countAt, writer } = opened();
    await commit([event(0), event(1_000), event(HOUR_MS)]);
    const asStored: Truth = (_dpu, _at, recordedAtMs) => [{ recordedAtMs, mapping: INTO_LOBBY, cause: null }];
    const otherwise: Truth = (_dpu, atMs, recordedAtMs) => [
      { recordedAtMs, mapping: INTO_LOBBY, cause: null },
      ...(atMs === NINE + 1_000 ? [{ recordedAtMs: NINE + HOUR_MS, mapping: UNPLACED, cause: 1 }] : []),
    ];
    expect(await writer.audit(asStored, { repair: false })).toEqual({ spaces: 1, events: 3, discrepancies: [] });
    const found = await writer.audit(otherwise, { repair: false });
    expect(found.discrepancies).toContainEqual(
      expect.objectContaining({ spaceId: LOBBY, live: 3, history: 3, replay: 2 }),
    );
    expect(await countAt(LOBBY, HOUR_MS)).toBe(3);
    await writer.audit(otherwise, { repair: true });
    expect([await countAt(LOBBY, 999), await countAt(LOBBY, 1_000), await countAt(LOBBY, HOUR_MS)]).toEqual([1, 1, 2]);
    expect((await writer.audit(otherwise, { repair: false })).discrepancies).toEqual([]);
  });
});
