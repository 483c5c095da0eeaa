// The past of the demo: what its sensors told before now, sent through the same door as everything else, newest day first
// so that the page has something to show at once. An event sent twice counts once, so any of it may be sent again.
import { localDate, localInstantMs } from '../calendar.ts';
import type { Core } from '../core.ts';
import { EVENTS_PER_MESSAGE_MAX } from '../event.ts';
import type { Change } from '../fact.ts';
import type { DpuId, ResetId, SpaceId } from '../ids.ts';
import { toldAtMs } from './sensors.ts';
import { DOORS, dpuOf, SPACE_IDS, spacesAround } from './station.ts';
import { crossingsBetween, crossingsOf } from './visits.ts';

export const PAST_DAYS = 14;
/** Sent in one go: what walks in meanwhile waits for no more than this. */
const PIECE_MS = 6 * 3_600_000;
const CAUGHT_UP_TIMEOUT_MS = 30_000;
/** When the night watch goes round and counts. */
const WATCH_TIME = '04:00';

export type DemoCore = Pick<Core, 'ingest' | 'floorplan' | 'processors' | 'storage'>;
type Told = { readonly timestamp: number; readonly direction: 1 | -1 };

/** Takes messages of sensors in; `events` of one DPU in the order of their times. */
export function tell({ ingest }: DemoCore, dpuId: DpuId, events: readonly Told[]): Promise<void> {
  const topic = `dpu/${dpuId}/events`;
  return new Promise((resolve) => {
    const payload = Buffer.from(JSON.stringify(events));
    ingest.accept({ dpuId, topic, payload, value: events }, () => resolve());
  });
}

/** Sends what was told in [fromMs, untilMs), the newest first; stops early when `isOver`. */
export async function fillPast(
  core: DemoCore,
  span: { readonly fromMs: number; readonly untilMs: number; readonly begunMs: number; readonly zone: string },
  isOver: () => boolean,
): Promise<void> {
  for (let endMs = span.untilMs; endMs > span.fromMs && !isOver(); endMs -= PIECE_MS) {
    const crossings = crossingsBetween(Math.max(endMs - PIECE_MS, span.fromMs), endMs, span.zone);
    const byDoor = new Map(DOORS.map(({ id }) => [id, [] as Told[]]));
    for (const crossing of crossings) {
      const told = toldAtMs(crossing, span.begunMs);
      if (told === null || told >= span.untilMs) continue;
      byDoor.get(crossing.doorId)?.push({ timestamp: crossing.timestampMs, direction: crossing.direction });
    }
    const messages: Promise<void>[] = [];
    for (const [doorId, events] of byDoor) {
      for (let at = 0; at < events.length; at += EVENTS_PER_MESSAGE_MAX) {
        messages.push(tell(core, dpuOf(doorId), events.slice(at, at + EVENTS_PER_MESSAGE_MAX)));
      }
    }
    await Promise.all(messages);
    await recordNightWatches(core, Math.max(endMs - PIECE_MS, span.fromMs), endMs, span.zone);
    await core.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  }
}

/** Records what the night watch counted in [fromMs, untilMs), where that is not recorded yet. */
async function recordNightWatches({ floorplan }: DemoCore, fromMs: number, untilMs: number, zone: string) {
  const isNew = (change: Change) => change.kind === 'reset' && !floorplan.plan.spaceOfReset.has(change.id);
  const changes = nightWatches(fromMs, untilMs, zone).filter(isNew);
  if (changes.length > 0) await floorplan.record(() => changes, null);
}

/** What the night watch counted in each night of [fromMs, untilMs): resets, which are right, as nobody is overlooked. */
function nightWatches(fromMs: number, untilMs: number, zone: string): Change[] {
  const changes: Change[] = [];
  for (let date = localDate(fromMs, zone); ; date = date.add({ days: 1 })) {
    const atMs = localInstantMs(date, WATCH_TIME, zone);
    if (atMs >= untilMs) return changes;
    if (atMs < fromMs) continue;
    const counts = new Map(SPACE_IDS.map((id) => [id, 0]));
    const add = (id: string, change: number) => counts.set(id, (counts.get(id) ?? 0) + change);
    // Nobody stays for a day, so whoever is in came on this date or the one before.
    const visits = [...crossingsOf(date.subtract({ days: 1 }), zone), ...crossingsOf(date, zone)];
    for (const { from, to, timestampMs } of visits) {
      if (timestampMs > atMs) continue;
      for (const id of spacesAround(from)) add(id, -1);
      for (const id of spacesAround(to)) add(id, 1);
    }
    for (const [id, count] of counts) {
      const reset = { id: `watch-${date}-${id}` as ResetId, spaceId: id as SpaceId, atMs, change: null };
      changes.push({ kind: 'reset', ...reset, count, reason: 'counted by the night watch' });
    }
  }
}
