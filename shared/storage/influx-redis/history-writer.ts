// The history group: writes every event and what it changes to InfluxDB, and counts what the live group could not.
//
//   events + verdicts ─▶ old ones looked up ─▶ marks ─▶ points ─▶ one script: what is late for live counts, cursor
//   facts ─▶ events they remap ─▶ marks ─▶ difference points ─▶ one script: the differences for live counts, cursor
//
// Points are written before the cursor moves. Whoever starts again from the cursor, or was fenced off and writes late,
// writes the same points: nothing is lost and nothing counts twice.
import { type Heard, hearAll, NEVER_HEARD } from '../../heard.ts';
import type { DpuId } from '../../ids.ts';
import { FencedError } from '../fenced.ts';
import type {
  AuditOptions,
  AuditReport,
  Batch,
  HistoryWriter,
  Progress,
  ResetMove,
  TakenFacts,
  Truth,
} from '../history.ts';
import { auditPartition } from './audit.ts';
import { duplicateLines } from './duplicates.ts';
import { packHeard, readHeard } from './heard.ts';
import { type HistoryParts, numberOf } from './history-parts.ts';
import { type Judgement, judge } from './judge.ts';
import { keys } from './keys.ts';
import { HOUR_MS, Marking } from './marking.ts';
import { afterBatch, type Draft, PartitionHash } from './partition-hash.ts';
import { deltaLine, eventLine, RAW_BUCKET } from './points.ts';
import { differencesOf } from './recount.ts';
import { temporarily } from './redis.ts';
import { Rollups } from './rollups.ts';
import { runScript } from './scripts.ts';
import { addDelta, deltasOf } from './space-state.ts';
import { pendingStarts } from './starts.ts';
import { EntryVerdicts } from './verdicts.ts';

export class InfluxHistoryWriter implements HistoryWriter {
  readonly #parts: HistoryParts;
  readonly #late: PartitionHash;
  readonly #heard: Map<DpuId, Heard>;
  readonly #rollups: Rollups;
  /** Points of entries up to here may have been written without the cursor having moved past them. */
  #unsureUpTo: number;

  private constructor(parts: HistoryParts, late: PartitionHash, heard: Map<DpuId, Heard>, newest: number) {
    this.#heard = heard;
    this.#parts = parts;
    this.#late = late;
    this.#rollups = new Rollups(parts);
    this.#unsureUpTo = newest;
  }

  /** `newest`: of the partition's journal by now; whoever owned it before may have written up to there. */
  static async open(parts: HistoryParts, newest: number): Promise<InfluxHistoryWriter> {
    const late = await PartitionHash.read(parts.redis, keys.late(parts.ownership.partition));
    const heard = await readHeard(parts.redis, parts.ownership.partition);
    return new InfluxHistoryWriter(parts, late, heard, newest);
  }

  async progress(): Promise<Progress> {
    return { ...this.#late.progress, recounting: null };
  }

  async commit(batch: Batch): Promise<{ stored: number }> {
    await this.#takeOverStarts();
    const draft = this.#late.draft();
    const judged = await judge(this.#parts, batch, await this.#verdicts(batch.position));
    const arrivals = new Map<string, number>();
    for (const { event, isLate } of judged.fresh) {
      const recordedHour = Math.floor(event.recordedAtMs / HOUR_MS);
      arrivals.set(`${recordedHour} ${Math.floor(event.timestampMs / HOUR_MS)}`, recordedHour);
      for (const delta of deltasOf(event.mapping, event.direction)) {
        // What is in order was counted by the live group, since the reset only from where that one began to.
        const from = this.#late.spaces.get(delta.spaceId)?.since?.from;
        if (isLate) addDelta(draft.space(delta.spaceId), delta, event.timestampMs, 'all');
        else if (from !== undefined && event.position <= from)
          addDelta(draft.space(delta.spaceId), delta, event.timestampMs, 'since');
      }
    }
    this.#unsureUpTo = Math.max(this.#unsureUpTo, batch.position);
    await this.#write(judged, batch.position);
    draft.progress = afterBatch(draft.progress, batch);
    const heard = hearAll(batch.heard, (dpuId) => this.#heard.get(dpuId) ?? NEVER_HEARD);
    await this.#store(draft, arrivals, heard);
    for (const [dpuId, of] of heard) this.#heard.set(dpuId, of);
    return { stored: judged.fresh.length };
  }

  async takeFacts(recount: TakenFacts): Promise<void> {
    await this.#takeOverStarts();
    const { ownership, live, redis, influx, partitions } = this.#parts;
    const { partition } = ownership;
    const draft = this.#late.draft();
    this.#unsureUpTo = Math.max(this.#unsureUpTo, recount.position);
    for (const { factNumber: cause, remappings } of recount.facts) {
      for (const remapping of remappings) {
        const number = live.numberOf(remapping.dpuId);
        if (number === undefined) continue;
        for await (const { placed, deltas } of differencesOf(influx, remapping)) {
          const marking = new Marking(partition);
          const lines: string[] = [];
          for (const [index, event] of placed.entries()) {
            for (const delta of deltas[index] ?? []) {
              marking.add(delta.spaceId, event.timestampMs);
              addDelta(draft.space(delta.spaceId), delta, event.timestampMs, 'all');
              lines.push(deltaLine(event, delta, { number, partition }, { cause }));
            }
          }
          if (lines.length === 0) continue;
          await marking.set(redis, partitions, recount.position);
          this.#checkOwned();
          await influx.write(RAW_BUCKET, lines);
        }
      }
    }
    const { position, factNumber, dueMs } = recount;
    draft.progress = { ...draft.progress, position, factNumber, dueMs };
    await this.#store(draft);
  }

  /** The live group moves its starts, and this one follows it. */
  async moveResets(_partition: number, { dueMs }: ResetMove): Promise<void> {
    const draft = this.#late.draft();
    draft.progress = { ...draft.progress, dueMs };
    await this.#store(draft);
  }

  async recountSome(): Promise<null> {
    return null;
  }

  async tidy(beforeMs: number): Promise<boolean> {
    await this.#takeOverStarts();
    return this.#rollups.makeSome(beforeMs);
  }

  async audit(truth: Truth, options: AuditOptions): Promise<AuditReport> {
    await this.#takeOverStarts();
    const { report, repairs } = await auditPartition(this.#parts, this.#late, truth, options);
    const draft = this.#late.draft();
    for (const { spaceId, entrances, exits, since } of repairs) {
      const space = draft.space(spaceId);
      space.entrances += entrances;
      space.exits += exits;
      if (space.since !== null) space.since.net += since;
    }
    if (repairs.length > 0) await this.#store(draft);
    return report;
  }

  async close(): Promise<void> {}

  #verdicts(upTo: number): Promise<EntryVerdicts> {
    const { redis, ownership } = this.#parts;
    const range = [keys.verdicts(ownership.partition), `(${this.#late.progress.position}`, upTo] as const;
    return temporarily(async () => EntryVerdicts.fromMembers(await redis.zrangebyscore(...range)));
  }

  async #write({ fresh, duplicates }: Judgement, position: number): Promise<void> {
    const { redis, influx, partitions, live } = this.#parts;
    const { partition } = this.#parts.ownership;
    const marking = new Marking(partition);
    const lines = duplicateLines(duplicates, partition);
    for (const { event, slot } of fresh) {
      lines.push(eventLine(event, slot, partition));
      const dpu = { number: numberOf(live, event.dpuId), partition };
      for (const delta of deltasOf(event.mapping, event.direction)) {
        marking.add(delta.spaceId, event.timestampMs);
        lines.push(deltaLine({ timestampMs: event.timestampMs, slot }, delta, dpu));
      }
    }
    if (lines.length === 0) return;
    await marking.set(redis, partitions, position);
    this.#checkOwned();
    await influx.write(RAW_BUCKET, lines);
  }

  /**
   * Sums since the resets that the live group has moved to: what it had counted before it did is added up here, from the
   * points, which must be those of the entries up to the cursor and no others.
   */
  async #takeOverStarts(): Promise<void> {
    if (this.#late.progress.position < this.#unsureUpTo) return;
    const starts = await pendingStarts(this.#parts, this.#late);
    if (starts.length === 0) return;
    const draft = this.#late.draft();
    for (const { spaceId, since } of starts) draft.space(spaceId).since = since;
    await this.#store(draft);
  }

  async #store(
    draft: Draft,
    arrivals: ReadonlyMap<string, number> = new Map(),
    heard: ReadonlyMap<DpuId, Heard> = new Map(),
  ): Promise<void> {
    const { redis, ownership } = this.#parts;
    const { partition, epoch } = ownership;
    const names = (['lease', 'late', 'verdicts', 'arrivals', 'heard'] as const).map((name) => keys[name](partition));
    const lists = [
      draft.fields(),
      [...arrivals].flatMap(([member, score]) => [score, member]),
      [...heard].flatMap(([dpuId, of]) => [dpuId, packHeard(of)]),
    ];
    // Only those before this batch: when the answer gets lost, the batch is judged by its own once more.
    const doneWith = this.#late.progress.position;
    const args = [epoch, doneWith, ...lists.flatMap((list) => [list.length / 2, ...list])];
    await temporarily(() => runScript(redis, 'late-commit', names, args));
    draft.take();
  }

  #checkOwned(): void {
    if (this.#parts.ownership.lost.aborted) throw new FencedError('the partition has been given up');
  }
}
