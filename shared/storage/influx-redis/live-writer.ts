// The live group: judges every event by the ring of its DPU, counts what is new, and leaves word of the rest for the history group.
//
//   events ─▶ ring ─new───────▶ live counts ─┐
//               ├──duplicate─▶ verdict ──────┤
//               └──old───────▶ verdict ──────┴▶ one script: live counts, rings, numbers, verdicts, quarantine, cursor
//
// Old events (looked up in history first) and the differences of recounts are counted by the history group, in a hash of
// its own: so live counts go on while InfluxDB is away, and the two hashes together are the count.
import type { Redis } from 'ioredis';
import type { Event } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { MappingStatus } from '../../mapping.ts';
import {
  type Batch,
  type HistoryWriter,
  type MappedEvent,
  type Progress,
  type ResetMove,
  type Stored,
  storedOf,
  type TakenFacts,
} from '../history.ts';
import type { Ownership } from '../journal.ts';
import { keys } from './keys.ts';
import { afterBatch, type Draft, type GroupProgress, PartitionHash } from './partition-hash.ts';
import { QuarantineArguments } from './quarantine-arguments.ts';
import { temporarily } from './redis.ts';
import { freeSlot, RING_EVENTS, Ring } from './ring.ts';
import { runScript } from './scripts.ts';
import { addDelta, deltasOf } from './space-state.ts';
import { EntryVerdicts } from './verdicts.ts';

/** Rings read at once while a partition is taken over. */
const SCAN_COUNT = 1_000;

type Numbered = { readonly events: readonly MappedEvent[] };

export class LiveWriter implements HistoryWriter {
  readonly #redis: Redis;
  readonly #ownership: Ownership;
  readonly hash: PartitionHash;
  readonly #rings: Map<DpuId, Ring>;
  readonly #numbers: Map<DpuId, number>;
  readonly #ringEvents: number;

  private constructor(
    redis: Redis,
    ownership: Ownership,
    hash: PartitionHash,
    rings: Map<DpuId, Ring>,
    numbers: Map<DpuId, number>,
    ringEvents: number,
  ) {
    this.#ringEvents = ringEvents;
    this.#redis = redis;
    this.#ownership = ownership;
    this.hash = hash;
    this.#rings = rings;
    this.#numbers = numbers;
  }

  static async open(redis: Redis, ownership: Ownership, ringEvents = RING_EVENTS): Promise<LiveWriter> {
    const { partition } = ownership;
    const hash = await PartitionHash.read(redis, keys.live(partition));
    const numbers = new Map<DpuId, number>();
    for (const [dpu, number] of Object.entries(await redis.hgetall(keys.numbers(partition)))) {
      numbers.set(dpu as DpuId, Number(number));
    }
    const rings = await readRings(redis, partition, ringEvents);
    return new LiveWriter(redis, ownership, hash, rings, numbers, ringEvents);
  }

  async progress(): Promise<Progress> {
    const { progress } = this.hash;
    return { ...progress, begunUpTo: progress.position };
  }

  /** The number of a DPU of this partition that has ever sent an event. */
  numberOf(dpuId: DpuId): number | undefined {
    return this.#numbers.get(dpuId);
  }

  async commit(batch: Batch): Promise<Stored> {
    const draft = this.hash.draft();
    const rings = new Map<DpuId, Ring>();
    const numbers = new Map<DpuId, number>();
    const verdicts = new EntryVerdicts();
    const stored: MappingStatus[] = [];
    for (const { event, index } of indexed(batch)) {
      const ring = rings.get(event.dpuId) ?? this.#rings.get(event.dpuId)?.copy() ?? new Ring(this.#ringEvents);
      rings.set(event.dpuId, ring);
      if (!this.#numbers.has(event.dpuId) && !numbers.has(event.dpuId)) {
        numbers.set(event.dpuId, this.#numbers.size + numbers.size);
      }
      const verdict = ring.take(event);
      verdicts.add(event.position, index, verdict, usualSlot(event));
      if (verdict.kind !== 'new') continue;
      stored.push(event.mapping.status);
      for (const delta of deltasOf(event.mapping, event.direction)) {
        addDelta(draft.space(delta.spaceId), delta, event.timestampMs, 'all');
      }
    }
    draft.progress = afterBatch(draft.progress, batch);
    await this.#store(draft, batch, rings, numbers, verdicts);
    draft.take();
    for (const [dpuId, ring] of rings) this.#rings.set(dpuId, ring);
    for (const [dpuId, number] of numbers) this.#numbers.set(dpuId, number);
    return storedOf(stored);
  }

  /** Facts change how later events are mapped; what they change in earlier ones is for the history group. */
  async takeFacts({ position, factNumber, ...move }: TakenFacts): Promise<void> {
    await this.#moveStarts(move, { ...this.hash.progress, position, factNumber, dueMs: move.dueMs });
  }

  async moveResets(_partition: number, move: ResetMove): Promise<void> {
    await this.#moveStarts(move, { ...this.hash.progress, dueMs: move.dueMs });
  }

  /** The history group recounts. */
  async recountSome(): Promise<null> {
    return null;
  }

  async #moveStarts({ starts }: Pick<ResetMove, 'starts'>, progress: GroupProgress): Promise<void> {
    const draft = this.hash.draft();
    const from = this.hash.progress.position;
    // Several facts may move the same one, and the last of them holds.
    for (const [spaceId, atMs] of new Map(starts.map((start) => [start.spaceId, start.atMs]))) {
      const known = this.hash.spaces.get(spaceId);
      if ((known?.since?.atMs ?? null) === atMs) continue;
      const space = draft.space(spaceId);
      const alone = atMs !== null && (space.newestMs === null || space.newestMs <= atMs);
      space.since = atMs === null ? null : { atMs, from, net: 0, alone };
    }
    draft.progress = progress;
    await this.#store(draft);
    draft.take();
  }

  async tidy(): Promise<boolean> {
    return false;
  }

  /** The history group compares for both. */
  async audit(): Promise<never> {
    throw new Error('live counts are compared together with history');
  }

  async close(): Promise<void> {}

  async #store(
    draft: Draft,
    batch: Pick<Batch, 'quarantined' | 'replayed'> = { quarantined: [], replayed: [] },
    rings: ReadonlyMap<DpuId, Ring> = new Map(),
    numbers: ReadonlyMap<DpuId, number> = new Map(),
    verdicts = new EntryVerdicts(),
  ): Promise<void> {
    const { partition, epoch } = this.#ownership;
    const names = ['lease', 'live', 'dpus', 'numbers', 'verdicts', 'quarantine', 'quarantineItems'] as const;
    const own = names.map((name) => keys[name](partition));
    const quarantine = await QuarantineArguments.of(this.#redis, partition, own.length, batch);
    const lists = [
      draft.fields(),
      [...rings].flatMap(([dpuId, ring]) => [dpuId, ring.pack()]),
      [...numbers].flat(),
      verdicts.members(),
    ];
    const args = [epoch, ...lists.flatMap((list) => [list.length / 2, ...list]), ...quarantine.args];
    await temporarily(() => runScript(this.#redis, 'live-commit', [...own, ...quarantine.indexes], args));
  }
}

/** Each event with its number within its entry. */
export function* indexed({ events }: Numbered): Generator<{ event: MappedEvent; index: number }> {
  let position = -1;
  let index = 0;
  for (const event of events) {
    index = event.position === position ? index + 1 : 0;
    position = event.position;
    yield { event, index };
  }
}

/** The slot of an event that is alone in its millisecond. */
export function usualSlot(event: Pick<Event, 'direction'>): number {
  return freeSlot(event, []);
}

async function readRings(redis: Redis, partition: number, ringEvents: number): Promise<Map<DpuId, Ring>> {
  const rings = new Map<DpuId, Ring>();
  for (let cursor = '0'; ; ) {
    const [next, fields] = await redis.hscanBuffer(keys.dpus(partition), cursor, 'COUNT', SCAN_COUNT);
    for (let at = 0; at < fields.length; at += 2) {
      rings.set(String(fields[at]) as DpuId, Ring.unpack(fields[at + 1] as Buffer, ringEvents));
    }
    cursor = String(next);
    if (cursor === '0') return rings;
  }
}
