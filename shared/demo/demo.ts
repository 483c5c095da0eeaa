// The demo: a station full of people who do not exist, in a data directory of its own. Its first start makes the floor plan
// and the weeks before; every start fills the time since the last one, and from then on people walk as the clock goes.
import { systemClock } from '../clock.ts';
import type { DpuId } from '../ids.ts';
import type { Log } from '../log.ts';
import { type DemoCore, fillPast, PAST_DAYS, tell } from './past.ts';
import { isAlive, toldAtMs } from './sensors.ts';
import { DOORS, dpuOf, STATION, stationChanges } from './station.ts';
import { type Crossing, crossingsBetween } from './visits.ts';

const TICK_MS = 100;
/** Keepalives of the sensors. */
const ALIVE_EVERY_MS = 5_000;
const DAY_MS = 86_400_000;
/** Crossings are worked out so far ahead. */
const AHEAD_MS = 600_000;
/** Before the last sign of a sensor: what was told then may not have been stored. */
const OVERLAP_MS = 600_000;

export type Demo = { close(): Promise<void> };

/** Lets people walk on `core`, whose floor plan must be the demo's or empty. */
export async function startDemo(core: DemoCore, log: Log): Promise<Demo> {
  const { plan, facts } = core.floorplan;
  const isNew = facts.length === 0;
  const nowMs = systemClock.nowMs();
  if (isNew) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    await core.floorplan.record(() => stationChanges(zone), null);
  }
  const begunMs = facts[0]?.recordedAtMs ?? nowMs;
  const zone = [...plan.spaces.values()].find(({ id }) => id === STATION)?.versions[0]?.timeZone ?? 'UTC';
  let isOver = false;
  if (isNew) {
    // A night watch is in the last day, so counts are right from the first moment on.
    await fillPast(core, { fromMs: nowMs - DAY_MS, untilMs: nowMs, begunMs, zone }, () => false);
    await puzzle(core, nowMs);
  }
  const walking = letWalk(core, { nowMs, begunMs, zone });
  const filling = fill(core, { nowMs, begunMs, zone }, () => isOver).catch((error: Error) => {
    log.warn({ err: error }, 'the past of the demo could not be made');
  });
  const close = async () => {
    isOver = true;
    walking.stop();
    await filling;
  };
  return { close };
}

type Times = { readonly nowMs: number; readonly begunMs: number; readonly zone: string };

/** The time since the last sign of a sensor, or all of the past when a start before this one did not get through it. */
async function fill(core: DemoCore, { nowMs, begunMs, zone }: Times, isOver: () => boolean): Promise<void> {
  const { history } = core.storage;
  const firstMs = begunMs - PAST_DAYS * DAY_MS;
  const firstDay = { fromMs: firstMs, untilMs: firstMs + DAY_MS / 4 };
  const oldest = await history.events({ by: 'timestamp', span: firstDay, order: 'asc', limit: 1 });
  const [heard] = await history.heard([dpuOf('gate-north')]);
  const sinceMs = oldest.results.length === 0 ? firstMs : (heard?.heardAtMs ?? firstMs) - OVERLAP_MS;
  await fillPast(core, { fromMs: sinceMs, untilMs: nowMs, begunMs, zone }, isOver);
}

/** From `nowMs` on each sensor tells of a crossing when it is due. */
function letWalk(core: DemoCore, { nowMs, begunMs, zone }: Times): { stop(): void } {
  let plannedMs = nowMs - AHEAD_MS;
  let waiting: { readonly crossing: Crossing; readonly atMs: number }[] = [];
  let aliveMs = 0;
  const tick = () => {
    const clockMs = systemClock.nowMs();
    while (plannedMs <= clockMs) {
      for (const crossing of crossingsBetween(plannedMs, plannedMs + AHEAD_MS, zone)) {
        const atMs = toldAtMs(crossing, begunMs);
        if (atMs !== null && atMs >= nowMs) waiting.push({ crossing, atMs });
      }
      plannedMs += AHEAD_MS;
    }
    for (const { crossing, atMs } of waiting) {
      if (atMs > clockMs) continue;
      const { doorId, timestampMs, direction } = crossing;
      void tell(core, dpuOf(doorId), [{ timestamp: timestampMs, direction }]);
    }
    waiting = waiting.filter(({ atMs }) => atMs > clockMs);
    if (clockMs - aliveMs < ALIVE_EVERY_MS) return;
    aliveMs = clockMs;
    for (const { id } of DOORS)
      if (isAlive(id) && core.floorplan.plan.dpus.has(dpuOf(id))) core.ingest.alive(dpuOf(id));
  };
  tick();
  const timer = setInterval(tick, TICK_MS);
  return { stop: () => clearInterval(timer) };
}

/** Things to be found in the quarantine: a sensor that nobody entered, one that is broken, and one whose clock is ahead. */
async function puzzle(core: DemoCore, nowMs: number): Promise<void> {
  const annex = 'dpu-annex' as DpuId;
  for (const minutes of [50, 41, 33, 12]) {
    await tell(core, annex, [{ timestamp: nowMs - minutes * 60_000, direction: minutes > 40 ? 1 : -1 }]);
  }
  await tell(core, dpuOf('terrace'), [{ timestamp: nowMs + 8 * 60_000, direction: 1 }]);
  await tell(core, dpuOf('terrace'), [{ timestamp: nowMs + 9 * 60_000, direction: -1 }]);
  const payload = Buffer.from('{"timestamp":"yesterday","direction":"in"}');
  await new Promise<void>((resolve) => {
    const message = { dpuId: dpuOf('bookshop'), topic: 'dpu/dpu-bookshop/events', payload };
    core.ingest.accept(message, () => resolve());
  });
}
