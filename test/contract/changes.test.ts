// What every back-end promises of the change feed and of recounts: each change once and in order, also after a crash in between.
import { afterEach, describe, expect, test } from 'vitest';
import { TemporaryStorageError } from '../../shared/errors.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type { CountChange } from '../../shared/storage/changes.ts';
import type { EndOfEvent, MappedEvent, RecordedShift } from '../../shared/storage/history.ts';
import { HISTORY_BACKENDS, type HistoryPlace, type Read, type Written } from '../support/history-backends.ts';

const LOBBY = 'lobby' as SpaceId;
const HALL = 'hall' as SpaceId;
const DPU = 'd' as DpuId;
const INTO_LOBBY: Mapping = { status: 'counted', enters: [LOBBY], leaves: [] };
const INTO_HALL: Mapping = { status: 'counted', enters: [HALL], leaves: [] };
const NINE = Date.UTC(2026, 0, 15, 9);
const HOUR_MS = 3_600_000;
const NEVER_ENDS: EndOfEvent = () => null;
/** More than are recounted at once. */
const MANY = 20_000;

function event(afterNineMs: number, direction: 1 | -1 = 1, more: Partial<MappedEvent> = {}): MappedEvent {
  const timestampMs = NINE + afterNineMs;
  const base = { dpuId: DPU, timestampMs, direction, epoch: null, seq: null, mapping: INTO_LOBBY };
  return { ...base, receivedAtMs: timestampMs + 5, recordedAtMs: timestampMs + 7, position: 1, ...more };
}

const many = () => Array.from({ length: MANY }, (_, index) => event(index * 1_000, index % 3 === 0 ? -1 : 1));
/** Of `many` before some moment. */
const netOfMany = (untilMs = Number.POSITIVE_INFINITY) =>
  many().reduce((sum, { timestampMs, direction }) => sum + (timestampMs < untilMs ? direction : 0), 0);

describe.each(HISTORY_BACKENDS)('changes on $name', ({ missing, canLose, open }) => {
  if (missing !== null) process.stdout.write(`not run: ${missing}\n`);
  let place: HistoryPlace | undefined;
  afterEach(() => place?.close());

  async function opened(changesKept?: number) {
    place = await open(changesKept);
    return writing(place, await place.openWriter());
  }

  function writing({ reader, lose, openWriter }: HistoryPlace, writer: Written) {
    let position = 1;
    const commit = (events: readonly MappedEvent[], endOf = NEVER_ENDS, at = ++position) =>
      writer.commit(
        {
          partition: 0,
          position: at,
          events: events.map((each) => ({ ...each, position: at })),
          quarantined: [],
          replayed: [],
          heard: [],
        },
        endOf,
      );
    /** A fact that moves the DPU's events from `fromMs` on to the hall. */
    const move = (factNumber: number, fromMs: number, shifts: readonly RecordedShift[] = []) => {
      const remapping = { dpuId: DPU, fromMs, untilMs: Number.POSITIVE_INFINITY, was: INTO_LOBBY, becomes: INTO_HALL };
      const facts = [{ factNumber, recordedAtMs: NINE + 100 * HOUR_MS, remappings: [remapping] }];
      position += 1;
      return writer.takeFacts({ partition: 0, position, factNumber, facts, dueMs: NINE, starts: [], shifts });
    };
    return { reader, lose, openWriter, writer, commit, move };
  }

  async function allChanges(reader: Read, limit = 1_000): Promise<CountChange[]> {
    const found: CountChange[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await reader.changes(cursor, null, limit);
      if (typeof page === 'string') throw new Error(`the feed is ${page}`);
      found.push(...page.results);
      if (page.next === cursor) return found;
      cursor = page.next;
    }
  }

  const held = (changes: readonly CountChange[], spaceId: SpaceId, atMs: number) =>
    changes
      .filter((each) => each.spaceId === spaceId && each.fromMs <= atMs && atMs < (each.untilMs ?? Infinity))
      .reduce((sum, { change }) => sum + change, 0);

  const recountAll = async (writer: Written) => {
    for (let pieces = 0; ; pieces++) if ((await writer.recountSome(NEVER_ENDS)) === null) return pieces;
  };

  test.skipIf(missing !== null)(
    'an event, one before a reset, the reset and a recount are told as they were',
    async () => {
      const { reader, writer, commit, move } = await opened();
      await commit([event(0), event(1_000)]);
      const shift = { spaceId: LOBBY, fromMs: NINE + 5_000, untilMs: null, base: 7, wasAfterMs: null };
      const shifts = [{ ...shift, becomesAfterMs: NINE + 5_000, fact: null, recordedAtMs: NINE + 5_000 }];
      await writer.moveResets(0, { dueMs: NINE + 5_000, starts: [{ spaceId: LOBBY, atMs: NINE + 5_000 }], shifts });
      const endOf: EndOfEvent = (space, atMs) => (space === LOBBY && atMs <= NINE + 5_000 ? NINE + 5_000 : null);
      await commit([event(2_000, -1), event(5_000)], endOf);
      await move(1, NINE + 1_500);
      while ((await writer.recountSome(endOf)) !== null);
      const changes = await allChanges(reader);
      const told = changes.map(({ spaceId, fromMs, untilMs, change, cause }) => [
        spaceId,
        fromMs - NINE,
        untilMs === null ? null : untilMs - NINE,
        change,
        cause.kind === 'recount' ? cause.fact : cause.kind === 'event' ? cause.dpuId : cause.fact,
      ]);
      expect(told).toEqual([
        [LOBBY, 0, null, 1, DPU],
        [LOBBY, 1_000, null, 1, DPU],
        [LOBBY, 5_000, null, 5, null],
        [LOBBY, 2_000, 5_000, -1, DPU],
        [LOBBY, 2_000, 5_000, 1, 1],
        [HALL, 2_000, null, -1, 1],
        [HALL, 5_000, null, 1, 1],
      ]);
      const recordedLast = NINE + 100 * HOUR_MS;
      expect(changes.map(({ recordedAtMs }) => recordedAtMs).slice(-2)).toEqual([recordedLast, recordedLast]);
    },
  );

  test.skipIf(missing !== null)('pages of any size hold the same changes, whose places lead on from each', async () => {
    const { reader, commit } = await opened();
    await commit(many().slice(0, 2_500));
    await commit([event(90_000_000, 1, { mapping: INTO_HALL })]);
    const all = await allChanges(reader);
    expect(all).toHaveLength(2_501);
    expect(await allChanges(reader, 333)).toEqual(all);
    const cursors = all.map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(all.length);
    const leading = cursors.map((cursor) => Number.parseInt(cursor, 10));
    expect(leading).toEqual(leading.toSorted((one, other) => one - other));
    const from = (at: number) => reader.changes(cursors[at] as string, null, 2);
    expect(await from(1_233)).toMatchObject({ results: all.slice(1_234, 1_236) });
    expect(await reader.changes(null, [HALL], 5)).toMatchObject({ results: all.slice(-1) });
    const newest = await reader.newestChange();
    expect(await reader.changes(newest, null, 5)).toMatchObject({ results: [] });
    await commit([event(91_000_000)]);
    expect(await reader.changes(newest, null, 5)).toMatchObject({ results: [{ fromMs: NINE + 91_000_000 }] });
  });

  test.skipIf(missing !== null)(
    'a page is full as long as there is more, however little was stored at a time',
    async () => {
      const { reader, commit } = await opened();
      for (let index = 0; index < 250; index++) await commit([event(index)]);
      expect(await reader.changes(null, null, 240)).toMatchObject({ results: { length: 240 } });
    },
  );

  test.skipIf(missing !== null)('a place that is none, or lies ahead, is refused', async () => {
    const { reader, commit } = await opened();
    await commit([event(0)]);
    for (const cursor of ['x', '-1', '1-', '1-1.1', '99999999', '99999999-99999999', '2-1']) {
      expect([cursor, await reader.changes(cursor, null, 5)]).toEqual([cursor, 'invalid']);
    }
  });

  test.skipIf(missing !== null)(
    'a recount goes on piece by piece, beside new events, which it leaves alone',
    async () => {
      const { reader, writer, commit, move } = await opened();
      await commit(many());
      const movedMs = NINE + (MANY / 4) * 1_000;
      await move(1, movedMs);
      expect(await writer.progress(0)).toMatchObject({ recounting: 1 });
      expect(await reader.openRecounts()).toMatchObject([{ fact: 1, isDone: false, spaceIds: [HALL, LOBBY] }]);
      let pieces = 0;
      for (; (await writer.recountSome(NEVER_ENDS)) !== null; pieces++) {
        await commit([event(MANY * 1_000 + pieces, 1, { mapping: INTO_HALL })]);
      }
      expect(pieces).toBeGreaterThan(1);
      const [done] = await reader.recounts(1, 1);
      expect(done).toMatchObject({ fact: 1, isDone: true, eventsDone: (MANY * 3) / 4, eventsTotal: (MANY * 3) / 4 });
      expect(await reader.openRecounts()).toEqual([]);
      const endMs = NINE + 2 * MANY * 1_000;
      const moved = netOfMany() - netOfMany(movedMs);
      const counts = [await reader.net(LOBBY, null, endMs), await reader.net(HALL, null, endMs)];
      expect(counts).toEqual([netOfMany(movedMs), moved + pieces]);
      const [lobby, hall] = await reader.counts([LOBBY, HALL]);
      expect([lobby?.net, hall?.net]).toEqual(counts);
      const changes = await allChanges(reader);
      expect([held(changes, LOBBY, endMs), held(changes, HALL, endMs)]).toEqual(counts);
    },
  );

  test.skipIf(missing !== null)(
    'two hundred resets entered at once, some within a minute, change what they should',
    async () => {
      const { reader, writer, commit } = await opened();
      const crossings = many().filter((_, index) => index % 5 !== 1);
      const alsoHall = many().slice(0, 3_000);
      await commit([...crossings, ...alsoHall.map((each) => ({ ...each, seq: 1, mapping: INTO_HALL }))]);
      // At full quarters, where events are, and a minute and a millisecond after some of them.
      const edges = Array.from({ length: 200 }, (_, index) => NINE + index * 45_000 + (index % 3 === 0 ? index : 0));
      const shifts = [LOBBY, HALL].flatMap((spaceId) =>
        edges.slice(spaceId === HALL ? -5 : 0).map((fromMs, index, all) => {
          const untilMs = all[index + 1] ?? null;
          const recorded = { fact: 1, recordedAtMs: NINE + 100 * HOUR_MS };
          return { spaceId, fromMs, untilMs, base: 0, wasAfterMs: null, becomesAfterMs: fromMs, ...recorded };
        }),
      );
      const facts = [{ factNumber: 1, recordedAtMs: NINE + 100 * HOUR_MS, remappings: [] }];
      await writer.takeFacts({ partition: 0, position: 9, factNumber: 1, facts, dueMs: NINE, starts: [], shifts });
      const changes = await allChanges(reader);
      for (const [index, fromMs] of edges.entries()) {
        // Every event so far is in a count as it was; those up to the reset are taken back.
        const heldAt = (spaceId: SpaceId) => held(changes, spaceId, fromMs);
        expect([index, heldAt(LOBBY)]).toEqual([index, 0]);
        if (index >= edges.length - 5) expect([index, heldAt(HALL)]).toEqual([index, 0]);
      }
    },
  );

  test.skipIf(missing !== null)('recounts of two facts are done in their order', async () => {
    const { reader, writer, commit, move } = await opened();
    await commit([event(0), event(1_000)]);
    await move(1, NINE + 1_000);
    await move(2, NINE);
    expect((await reader.openRecounts()).map(({ fact }) => fact)).toEqual([1, 2]);
    const open: (number | null)[] = [];
    for (let fact: number | null = 1; fact !== null; ) {
      fact = await writer.recountSome(NEVER_ENDS);
      if (fact !== open.at(-1)) open.push(fact);
    }
    expect(open.filter((fact) => fact !== 1)).toEqual([2, null]);
    expect(await recountAll(writer)).toBe(0);
  });

  test.skipIf(missing !== null)('what touches no stored event has no recount', async () => {
    const { reader, writer, commit, move } = await opened();
    await commit([event(0)]);
    await move(1, NINE + HOUR_MS);
    await recountAll(writer);
    expect(await reader.recounts(0, 9)).toEqual([]);
  });

  // The embedded store is in the same process, and forgets nothing: there is no answer to be lost.
  if (!canLose) return;

  test.skipIf(missing !== null)('what is stored and not answered is stored once when it is repeated', async () => {
    const { reader, writer, commit, lose, move } = await opened();
    const late = { script: 'live counts, to the change feed', isCarriedOut: true };
    lose(late);
    await expect(commit([event(0), event(1_000)], NEVER_ENDS, 2)).rejects.toThrow(TemporaryStorageError);
    await commit([event(0), event(1_000)], NEVER_ENDS, 2);
    expect(await allChanges(reader)).toHaveLength(2);
    await move(1, NINE + 1_000);
    for (let isOpen = true; isOpen; ) {
      lose(late);
      await expect(writer.recountSome(NEVER_ENDS)).rejects.toThrow(TemporaryStorageError);
      isOpen = (await writer.recountSome(NEVER_ENDS)) !== null;
    }
    expect(await allChanges(reader)).toHaveLength(4);
    const [lobby, hall] = await reader.counts([LOBBY, HALL]);
    expect([lobby?.net, hall?.net]).toEqual([1, 1]);
    expect(await reader.recounts(1, 1)).toMatchObject([{ eventsDone: 1, isDone: true }]);
  });

  test.skipIf(missing !== null)('a piece whose points were written and not committed is done again, once', async () => {
    const { reader, writer, commit, lose, move, openWriter } = await opened();
    await commit(many());
    await move(1, NINE);
    await writer.recountSome(NEVER_ENDS);
    lose({ script: 'live counts, to the change feed', isCarriedOut: false });
    await expect(writer.recountSome(NEVER_ENDS)).rejects.toThrow(TemporaryStorageError);
    // More events of the same hours, so that a piece made anew would be another one.
    const after = writing(place as HistoryPlace, await openWriter());
    // A reset that counts start from in the middle of the piece: its points are not taken for counted ones.
    const atMs = NINE + 2_000_500;
    await after.writer.moveResets(0, { dueMs: NINE, starts: [{ spaceId: HALL, atMs }], shifts: [] });
    await after.commit([event(500), event(1_500)], NEVER_ENDS, 20);
    await recountAll(after.writer);
    await after.commit([], NEVER_ENDS, 21);
    const endMs = NINE + 2 * MANY * 1_000;
    expect([await reader.net(LOBBY, null, endMs), await reader.net(HALL, null, endMs)]).toEqual([2, netOfMany()]);
    const [lobby, hall] = await reader.counts([LOBBY, HALL]);
    expect([lobby?.net, hall?.startAtMs, hall?.net]).toEqual([2, atMs, netOfMany() - netOfMany(atMs)]);
    const changes = await allChanges(reader);
    expect([held(changes, LOBBY, endMs), held(changes, HALL, endMs)]).toEqual([2, netOfMany()]);
  });

  test.skipIf(missing !== null)(
    'a place whose next change is no longer kept has expired, the beginning too',
    async () => {
      const { reader, commit } = await opened(1_000);
      await commit([event(0), event(1_000)]);
      const [first, second] = await allChanges(reader);
      await commit(many().slice(2, 1_003));
      expect(await reader.changes(first?.cursor as string, null, 5)).toBe('expired');
      expect(await reader.changes(null, null, 5)).toBe('expired');
      expect(await reader.changes(second?.cursor as string, null, 1)).toMatchObject({
        results: [{ fromMs: NINE + 2_000 }],
      });
      expect(await reader.changes(await reader.newestChange(), null, 1)).toMatchObject({ results: [] });
    },
  );
});
