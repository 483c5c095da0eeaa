// What an event costs that comes late: in a DPU's backlog, or alone at any age, beside events on time; in a store with ten million.
import { systemClock } from '../../shared/clock.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Mapping } from '../../shared/mapping.ts';
import type { MappedEvent } from '../../shared/storage/history.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { type Figure, median, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { seededRandom } from './history-of-events.ts';

/** Events committed together, as the processor does it while it is busy. */
const EVENTS_PER_COMMIT = 2_000;
const COMMITS = 20;
/** Between two events of one DPU: those that are on time come from all of them, and a backlog from one. */
const STEP_MS = 3_000;
const DAY_MS = 86_400_000;

export async function benchLate(store: FilledStore, report: (line: string) => void): Promise<Figure[]> {
  const writer = openHistoryWriter(store.dataDir);
  const random = seededRandom(5);
  const doors = store.building.doors.map(({ dpuId }) => dpuId as DpuId);
  const into: Mapping = { status: 'counted', enters: ['hall' as SpaceId], leaves: [] };
  let { position } = await writer.progress(0);
  const eventOf = (dpuId: DpuId, timestampMs: number): MappedEvent => {
    // Odd milliseconds and a counter: none is there already.
    const base = { dpuId, timestampMs, direction: 1 as const, epoch: 9, seq: ++seq, mapping: into };
    return { ...base, receivedAtMs: nowMs, recordedAtMs: nowMs, position: position + 1 };
  };
  let seq = 0;
  let nowMs = store.untilMs + DAY_MS;
  const commit = async (events: readonly MappedEvent[]): Promise<number> => {
    position += 1;
    const beganMs = systemClock.monotonicMs();
    await writer.commit({ partition: 0, position, events, quarantined: [], replayed: [], heard: [] }, () => null);
    return ((systemClock.monotonicMs() - beganMs) * 1000) / events.length;
  };
  const series = (dpuAt: (index: number) => DpuId, msAt: (index: number) => number) =>
    Array.from({ length: EVENTS_PER_COMMIT }, (_, index) => eventOf(dpuAt(index), Math.floor(msAt(index))));
  const doorAt = (index: number) => doors[index % doors.length] as DpuId;
  const oldMs = () => store.firstMs + random() * (store.untilMs - store.firstMs - DAY_MS);
  const [onTime, backlog, alone]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < COMMITS; round++) {
    // In turn, so that whatever else the machine does happens to all.
    const sinceMs = nowMs;
    nowMs += (EVENTS_PER_COMMIT * STEP_MS) / doors.length;
    onTime.push(await commit(series(doorAt, (index) => sinceMs + (index * STEP_MS) / doors.length)));
    const fromMs = oldMs();
    backlog.push(
      await commit(
        series(
          () => doorAt(round),
          (index) => fromMs + index * STEP_MS,
        ),
      ),
    );
    alone.push(await commit(series(doorAt, oldMs)));
  }
  await writer.close();
  const us = { onTime: median(onTime), backlog: median(backlog), alone: median(alone) };
  report(
    `  an event on time ${us.onTime.toFixed(1)} µs, in a backlog ${us.backlog.toFixed(1)} µs, late alone ${us.alone.toFixed(1)} µs`,
  );
  const among = `, among ${whole(doors.length)} DPUs`;
  const figure = (name: string, costUs: number, most: number): Figure => ({
    name,
    measured: `${costUs.toFixed(1)} µs, ratio ${(costUs / us.onTime).toFixed(2)}`,
    peer: `on time ${us.onTime.toFixed(1)} µs`,
    target: `ratio <= ${most}`,
    reached: costUs / us.onTime <= most,
  });
  return [
    figure(`a late event of a DPU's backlog, stored${among}`, us.backlog, 2),
    figure(`a late event alone, at any age, stored${among}`, us.alone, 10),
  ];
}
