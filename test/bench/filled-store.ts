// A data directory filled with millions of events the way the service does it: through journal and processor, but with a
// clock that runs through the events' own time, so that nothing in it is later than it would have been.
import { startProcessor } from '../../processor/main.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { type Building, generateBuilding, spacesAround } from '../../shared/commands/building.ts';
import type { Change } from '../../shared/fact.ts';
import { FloorplanService } from '../../shared/floorplan-service.ts';
import type { DoorwayId, DpuId, PlacementId, SpaceId } from '../../shared/ids.ts';
import { encodeRecords, type JournalRecord } from '../../shared/journal-entry.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { temporaryDir } from '../support/temporary-dir.ts';
import { type GeneratedEvent, generateEvents } from './history-of-events.ts';

export type FilledStore = {
  readonly dataDir: string;
  readonly building: Building;
  readonly events: number;
  readonly firstMs: number;
  readonly untilMs: number;
  /** The right count of each space after all events. */
  readonly counts: ReadonlyMap<string, number>;
};

const DPUS = 1_000;
const DAY_MS = 86_400_000;
/** A journal entry, whose events are recorded together at its end: as much as keeps that within a minute of each. */
const ENTRY = { events: 200, spanMs: 45_000 };
/** How far the generator may be ahead of the processor. */
const AHEAD_EVENTS_MAX = 100_000;
const CAUGHT_UP_TIMEOUT_MS = 600_000;

/** Fills a new temporary directory; the events end about now. */
export async function fillStore(
  events: number,
  days: number,
  building: Building = generateBuilding(DPUS, 'bench'),
): Promise<FilledStore> {
  const dataDir = temporaryDir();
  const untilMs = Math.floor(systemClock.nowMs() / DAY_MS) * DAY_MS;
  const firstMs = untilMs - days * DAY_MS;
  const time = { nowMs: firstMs };
  const clock: Clock = { nowMs: () => time.nowMs, monotonicMs: systemClock.monotonicMs };
  const log = createLog('warn');
  const appender = openJournalAppender(dataDir, 0, clock);
  const floorplan = openFloorplan(dataDir, clock);
  const processor = await startProcessor(
    { storage: 'embedded', dataDir, logLevel: 'warn', traces: null } as never,
    (error) => {
      throw error;
    },
  );
  const writer = new JournalWriter(appender, 1, clock, log);
  const service = new FloorplanService(floorplan, writer, processor);
  await service.load();
  await service.record(() => changesOf(building), null);
  const net = new Int32Array(building.doors.length);
  let ahead = 0;
  for (const entry of entriesOf(generateEvents(building, events, days, firstMs))) {
    for (const { door, direction } of entry) net[door] = (net[door] as number) + direction;
    time.nowMs = (entry.at(-1) as GeneratedEvent).receivedAtMs;
    await writer.appendToAll(encodeRecords(entry.map((event) => recordOf(building, event))), time.nowMs);
    ahead += entry.length;
    if (ahead >= AHEAD_EVENTS_MAX) {
      await processor.caughtUp(CAUGHT_UP_TIMEOUT_MS);
      ahead = 0;
    }
  }
  await processor.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  await processor.close();
  await tidyUp(dataDir, untilMs);
  await appender.close();
  await floorplan.close();
  return { dataDir, building, events, firstMs, untilMs, counts: countsAfter(building, net) };
}

/** The work that a service does while it is idle, as it would have by the end of these days. */
async function tidyUp(dataDir: string, beforeMs: number): Promise<void> {
  const history = openHistoryWriter(dataDir);
  while (await history.tidy(beforeMs));
  await history.close();
}

function* entriesOf(minutes: Iterable<readonly GeneratedEvent[]>): Generator<GeneratedEvent[]> {
  let entry: GeneratedEvent[] = [];
  for (const minute of minutes) {
    for (const event of minute) {
      const [first] = entry;
      const isOver = first !== undefined && event.receivedAtMs - first.receivedAtMs >= ENTRY.spanMs;
      if (isOver || entry.length === ENTRY.events) {
        yield entry;
        entry = [];
      }
      entry.push(event);
    }
  }
  if (entry.length > 0) yield entry;
}

function recordOf(building: Building, { door, timestampMs, direction, receivedAtMs }: GeneratedEvent): JournalRecord {
  const dpuId = building.doors[door]?.dpuId as DpuId;
  const event = { dpuId, timestampMs, direction, epoch: null, seq: null };
  return { kind: 'events', dpuId, receivedAtMs, events: [event], replayOf: null };
}

/** What the net number of crossings through each door makes of each space. */
export function countsAfter(building: Building, net: ArrayLike<number>): Map<string, number> {
  const counts = new Map([...building.parents.keys()].map((space) => [space, 0]));
  const add = (space: string, change: number) => counts.set(space, (counts.get(space) ?? 0) + change);
  for (const [index, { from, to }] of building.doors.entries()) {
    for (const space of spacesAround(building, to)) add(space, net[index] as number);
    for (const space of spacesAround(building, from)) add(space, -(net[index] as number));
  }
  return counts;
}

function changesOf(building: Building): Change[] {
  const changes: Change[] = [];
  const holds = { fromMs: null, timeZone: 'UTC', dailyReset: null };
  for (const [space, parent] of building.parents) {
    const id = space as SpaceId;
    changes.push({ kind: 'space', id, name: id, capacity: null, retiredAtMs: null });
    changes.push({ kind: 'space_version', id, parentId: parent as SpaceId | null, ...holds });
  }
  for (const { dpuId: dpu, from, to } of building.doors) {
    const dpuId = dpu as DpuId;
    const doorwayId = `${dpu}-door` as DoorwayId;
    const placement = {
      id: `${dpu}-place` as PlacementId,
      dpuId,
      doorwayId,
      facing: 'a',
      fromMs: null,
      untilMs: null,
    } as const;
    changes.push({ kind: 'doorway', id: doorwayId, name: doorwayId, retiredAtMs: null });
    changes.push({ kind: 'doorway_version', id: doorwayId, fromMs: null, a: to as SpaceId, b: from as SpaceId | null });
    changes.push({ kind: 'dpu', id: dpuId, name: dpuId, retiredAtMs: null }, { kind: 'placement', ...placement });
  }
  return changes;
}
