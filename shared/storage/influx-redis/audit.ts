// The audit of a partition: its points, its live counts and the rollups of its spaces against a replay of its raw events.
//
// Some hours at a time, because that much fits into memory. Rollups are made from the points of all partitions, so they are
// compared with the points; each space's by the owner of the space.
import type { SpaceId } from '../../ids.ts';
import type { AuditOptions, AuditReport, Discrepancy, Sums, Truth } from '../history.ts';
import { auditRollups } from './audit-rollups.ts';
import { AuditWindow, type Window } from './audit-window.ts';
import type { HistoryParts } from './history-parts.ts';
import { rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { HOUR_MS } from './marking.ts';
import type { PartitionHash } from './partition-hash.ts';

/** Looked at together: some tens of megabytes. */
const POINTS_PER_WINDOW = 50_000;
/** Findings past this say nothing new. */
const DISCREPANCIES_MAX = 1_000;

/** What the history group's part of a live count must change by. */
export type Repair = Sums & { readonly spaceId: string; readonly since: number };

type Totals = { entrances: number; exits: number; since: number };

export async function auditPartition(
  parts: HistoryParts,
  late: PartitionHash,
  truth: Truth,
  options: AuditOptions,
): Promise<{ report: AuditReport; repairs: Repair[] }> {
  const { live, ownership } = parts;
  const totals = new Map<string, Totals>();
  const stored = new Map<string, number>();
  const discrepancies: Discrepancy[] = [];
  let events = 0;
  const hours = new AuditWindow(parts, truth, { repair: options.repair, position: late.progress.position });
  for (const window of await windowsOf(parts)) {
    const found = await hours.check(window);
    events += found.events;
    for (const { spaceId, atMs, entrances, exits } of found.expected) {
      const total = totals.get(spaceId) ?? { entrances: 0, exits: 0, since: 0 };
      totals.set(spaceId, total);
      total.entrances += entrances;
      total.exits += exits;
      const since = live.hash.spaces.get(spaceId)?.since ?? null;
      if (since !== null && atMs > since.atMs) total.since += entrances - exits;
    }
    for (const [spaceId, net] of found.stored) stored.set(spaceId, (stored.get(spaceId) ?? 0) + net);
    discrepancies.push(...found.faults.map((fault) => ({ ...fault, live: 0, history: 0, replay: 0 })));
    options.onProgress?.({ events, hour: window.startMs / HOUR_MS });
  }
  const repairs = compareLive(live.hash, late, totals);
  for (const { spaceId, entrances, exits, since } of repairs) {
    const detail = `live counts of partition ${ownership.partition} are off by +${-entrances} -${-exits}, since the reset by ${-since}`;
    discrepancies.push({ ...blank(spaceId), detail });
  }
  const rollups = await auditRollups(parts, { repair: options.repair, position: late.progress.position });
  discrepancies.push(...rollups.faults.map(({ spaceId, detail }) => ({ ...blank(spaceId), detail })));
  const counted = discrepancies
    .slice(0, DISCREPANCIES_MAX)
    .map((one) => withCounts(one, live.hash, late, stored, totals));
  const report = { spaces: rollups.spaces, events, discrepancies: counted };
  return { report, repairs: options.repair ? repairs : [] };
}

/** Runs of hours in which the partition has events or deltas, in order, none with many more than fit into memory. */
async function windowsOf({ influx, ownership }: HistoryParts): Promise<Window[]> {
  const rows = await rowsOf(influx, 'hours-of-partition', { partition: ownership.partition });
  const hours = rows.map((row) => ({ atMs: placeOf(row['_time']).timestampMs, points: Number(row['_value']) }));
  const windows: (Window & { points: number })[] = [];
  for (const { atMs, points } of hours.sort((one, other) => one.atMs - other.atMs)) {
    const last = windows.at(-1);
    if (last !== undefined && last.points + points <= POINTS_PER_WINDOW) {
      last.stopMs = atMs + HOUR_MS;
      last.points += points;
    } else windows.push({ startMs: atMs, stopMs: atMs + HOUR_MS, points });
  }
  return windows;
}

function compareLive(live: PartitionHash, late: PartitionHash, totals: ReadonlyMap<string, Totals>): Repair[] {
  const repairs: Repair[] = [];
  for (const spaceId of new Set([...live.spaces.keys(), ...late.spaces.keys(), ...totals.keys()])) {
    const right = totals.get(spaceId) ?? { entrances: 0, exits: 0, since: 0 };
    const [one, other] = [live.spaces.get(spaceId), late.spaces.get(spaceId)];
    const repair = {
      spaceId,
      entrances: right.entrances - (one?.entrances ?? 0) - (other?.entrances ?? 0),
      exits: right.exits - (one?.exits ?? 0) - (other?.exits ?? 0),
      since: right.since - (one?.since?.net ?? 0) - (other?.since?.net ?? 0),
    };
    if (repair.entrances !== 0 || repair.exits !== 0 || repair.since !== 0) repairs.push(repair);
  }
  return repairs;
}

function blank(spaceId: string): Omit<Discrepancy, 'detail'> {
  return { spaceId: spaceId as SpaceId, live: 0, history: 0, replay: 0 };
}

/** The finding with the partition's share of the space's count, as kept live, as stored, and as replayed. */
function withCounts(
  discrepancy: Discrepancy,
  live: PartitionHash,
  late: PartitionHash,
  stored: ReadonlyMap<string, number>,
  totals: ReadonlyMap<string, Totals>,
): Discrepancy {
  const { spaceId } = discrepancy;
  if (spaceId === null) return discrepancy;
  const net = (sums: Sums | undefined) => (sums?.entrances ?? 0) - (sums?.exits ?? 0);
  return {
    ...discrepancy,
    live: net(live.spaces.get(spaceId)) + net(late.spaces.get(spaceId)),
    history: stored.get(spaceId) ?? 0,
    replay: net(totals.get(spaceId)),
  };
}
