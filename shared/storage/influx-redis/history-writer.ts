// The history group: writes every event and what it changes to InfluxDB, counts what the live group could not, and keeps the change feed.
//
//   events + verdicts ─▶ old ones looked up ─▶ begin ─▶ marks ─▶ points ─▶ one script: what is late for live counts, feed, cursor
//   facts ─▶ recounts to do, what they change in resets ────────────────▶ one script: recounts, feed, cursor
//   a piece of a recount ─▶ begin ─▶ marks ─▶ difference points ────────▶ one script: differences for live counts, feed, what is left
//
// Points are written before the cursor moves. Whoever starts again from the cursor, or was fenced off and writes late,
// writes the same points: nothing is lost and nothing counts twice. What was begun is stored first, so it is known at any
// time whether the points are those of the entries up to the cursor and no others.
import { type Heard, hearAll, NEVER_HEARD } from '../../heard.ts';
import type { DpuId } from '../../ids.ts';
import { FencedError } from '../fenced.ts';
import {
  type AuditOptions,
  type AuditReport,
  type Batch,
  type EndOfEvent,
  type HistoryWriter,
  type Progress,
  type RecordedShift,
  type ResetMove,
  type Stored,
  storedOf,
  type TakenFacts,
  type Truth,
} from '../history.ts';
import { auditPartition } from './audit.ts';
import type { Feed } from './feed.ts';
import { readHeard } from './heard.ts';
import type { HistoryParts } from './history-parts.ts';
import { count, pointsOf } from './intake-points.ts';
import { type Judgement, judge } from './judge.ts';
import { BEGUN_FIELD, keys } from './keys.ts';
import { begin, LateCommit } from './late-commit.ts';
import { afterBatch, PartitionHash } from './partition-hash.ts';
import { RAW_BUCKET } from './points.ts';
import { RecountJobs } from './recount-jobs.ts';
import { Recounter } from './recounter.ts';
import { temporarily } from './redis.ts';
import { Rollups } from './rollups.ts';
import { changesOfShifts } from './shift-nets.ts';
import { pendingStarts } from './starts.ts';
import { EntryVerdicts } from './verdicts.ts';

export class InfluxHistoryWriter implements HistoryWriter {
  readonly #parts: HistoryParts;
  readonly #late: PartitionHash;
  readonly #heard: Map<DpuId, Heard>;
  readonly #jobs: RecountJobs;
  readonly #recounter: Recounter;
  readonly #rollups: Rollups;
  /** Points of entries up to here may have been written without the cursor having moved past them. */
  #begunUpTo: number;

  private constructor(
    parts: HistoryParts,
    late: PartitionHash,
    heard: Map<DpuId, Heard>,
    jobs: RecountJobs,
    begunUpTo: number,
  ) {
    this.#heard = heard;
    this.#parts = parts;
    this.#late = late;
    this.#jobs = jobs;
    this.#recounter = new Recounter(parts, jobs);
    this.#rollups = new Rollups(parts);
    this.#begunUpTo = begunUpTo;
  }

  /** `newest`: of the partition's journal by now; whoever owned it before cannot have written past that. */
  static async open(parts: HistoryParts, newest: number): Promise<InfluxHistoryWriter> {
    const { redis, ownership } = parts;
    const late = await PartitionHash.read(redis, keys.late(ownership.partition));
    const isOld = late.changes === null && late.progress.position > 0;
    // What was counted before there was a feed is not in it: whoever reads it from the beginning must be told.
    late.changes ??= isOld ? 1 : 0;
    const heard = await readHeard(redis, ownership.partition);
    const jobs = await RecountJobs.read(redis, ownership.partition);
    return new InfluxHistoryWriter(parts, late, heard, jobs, late.begunUpTo ?? (isOld ? newest : 0));
  }

  async progress(): Promise<Progress> {
    const { progress } = this.#late;
    return { ...progress, begunUpTo: Math.max(this.#begunUpTo, progress.position) };
  }

  async commit(batch: Batch, endOf: EndOfEvent): Promise<Stored> {
    await this.#takeOverStarts();
    const commit = this.#newCommit();
    const judged = await judge(this.#parts, batch, await this.#verdicts(batch.position));
    count(judged.fresh, this.#late, commit, endOf);
    await this.#write(judged, batch.position);
    commit.draft.progress = afterBatch(commit.draft.progress, batch);
    commit.heard = hearAll(batch.heard, (dpuId) => this.#heard.get(dpuId) ?? NEVER_HEARD);
    await commit.store();
    for (const [dpuId, of] of commit.heard) this.#heard.set(dpuId, of);
    return storedOf(judged.fresh.map(({ event }) => event.mapping.status));
  }

  async takeFacts({ position, factNumber, dueMs, facts, shifts }: TakenFacts): Promise<void> {
    await this.#takeOverStarts();
    const commit = this.#newCommit();
    const hasSent = (dpuId: DpuId) => this.#parts.live.numberOf(dpuId) !== undefined;
    for (const fact of facts) commit.recounts.open(fact, position, hasSent);
    await this.#shift(shifts, commit.feed);
    commit.draft.progress = { ...commit.draft.progress, position, factNumber, dueMs };
    await commit.store();
  }

  /** The live group moves its starts, and this one follows it. */
  async moveResets(_partition: number, { dueMs, shifts }: ResetMove): Promise<void> {
    const commit = this.#newCommit();
    await this.#shift(shifts, commit.feed);
    commit.draft.progress = { ...commit.draft.progress, dueMs };
    await commit.store();
  }

  async recountSome(endOf: EndOfEvent): Promise<number | null> {
    if (this.#jobs.oldest() === undefined) return null;
    await this.#takeOverStarts();
    await this.#recounter.advance(() => this.#newCommit(), this.#late.progress.position, endOf);
    return this.#late.progress.recounting;
  }

  async tidy(beforeMs: number): Promise<boolean> {
    await this.#takeOverStarts();
    return this.#rollups.makeSome(beforeMs);
  }

  async audit(truth: Truth, options: AuditOptions): Promise<AuditReport> {
    await this.#takeOverStarts();
    const { report, repairs } = await auditPartition(this.#parts, this.#late, truth, options);
    const commit = this.#newCommit();
    for (const { spaceId, entrances, exits, since } of repairs) {
      const space = commit.draft.space(spaceId);
      space.entrances += entrances;
      space.exits += exits;
      if (space.since !== null) space.since.net += since;
    }
    if (repairs.length > 0) await commit.store();
    return report;
  }

  async close(): Promise<void> {}

  #newCommit(): LateCommit {
    return new LateCommit(this.#parts, this.#late, this.#jobs);
  }

  #verdicts(upTo: number): Promise<EntryVerdicts> {
    const { redis, ownership } = this.#parts;
    const range = [keys.verdicts(ownership.partition), `(${this.#late.progress.position}`, upTo] as const;
    return temporarily(async () => EntryVerdicts.fromMembers(await redis.zrangebyscore(...range)));
  }

  async #write(judged: Judgement, position: number): Promise<void> {
    const { redis, influx, partitions, live, ownership } = this.#parts;
    const { partition } = ownership;
    const { marking, lines } = pointsOf(judged, live, partition);
    if (lines.length === 0) return;
    this.#begunUpTo = Math.max(this.#begunUpTo, position);
    await Promise.all([
      begin(this.#parts, keys.late(partition), BEGUN_FIELD, position),
      marking.set(redis, partitions, position),
    ]);
    this.#checkOwned();
    await influx.write(RAW_BUCKET, lines);
  }

  /** What resets change in the partition's counts; the points must be those of the entries up to the cursor. */
  async #shift(shifts: readonly RecordedShift[], feed: Feed): Promise<void> {
    if (shifts.length === 0) return;
    const changes = await changesOfShifts(this.#parts, shifts);
    for (const [index, shift] of shifts.entries()) feed.shift(shift, changes[index] as number);
  }

  /**
   * Sums since the resets that the live group has moved to: what it had counted before it did is added up here, from the
   * points, which must be those of the entries up to the cursor and no others.
   */
  async #takeOverStarts(): Promise<void> {
    if (this.#late.progress.position < this.#begunUpTo || (this.#jobs.oldest()?.begun ?? null) !== null) return;
    const starts = await pendingStarts(this.#parts, this.#late);
    if (starts.length === 0) return;
    const commit = this.#newCommit();
    for (const { spaceId, since } of starts) commit.draft.space(spaceId).since = since;
    await commit.store();
  }

  #checkOwned(): void {
    if (this.#parts.ownership.lost.aborted) throw new FencedError('the partition has been given up');
  }
}
