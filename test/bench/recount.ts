// Recounts in a store of ten million events: how fast the events of one DPU among a thousand are, and what they cost ingest.
import { systemClock } from '../../shared/clock.ts';
import { startService } from '../support/service.ts';
import { type Figure, median, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { type Job, type Result, runLoad } from './load.ts';
import { cpuMs } from './process-usage.ts';

/** Each DPU that moves takes all its events along; the first moves warm up. */
const MOVES = 20;
/** So many doors on from where it was entered by mistake: of the next room, or in another building. */
const [NEXT_DOOR, FAR_DOOR] = [1, 500];
/** Of the ten doors on each floor the first leads to the floor below, the next ones to a room each. */
const DOORS_A_FLOOR = 10;
const ROOM_DOOR = 1;
const WARM_UP_MOVES = 5;
const TOP_MESSAGES_PER_CONNECTION = 200;
/** Ingest beside recounts, and beside nothing. */
const LOAD_S = 15;
const WARM_UP_SHARE = 0.2;
const DAY_MS = 86_400_000;
const STORED_TIMEOUT_MS = 120_000;
const POLL_MS = 50;

type Recounted = { readonly events: number; readonly perSecond: number; readonly cpuUsPerEvent: number };
type Ingested = { readonly acknowledged: number; readonly stored: number };

export async function benchRecount(store: FilledStore, report: (line: string) => void): Promise<Figure[]> {
  await using service = await startService({ dataDir: store.dataDir });
  const mover = moverOf(store, service.httpUrl, service.pid);
  const some = async (doorsOn: number): Promise<Recounted[]> => {
    const recounts: Recounted[] = [];
    for (let move = 0; move < MOVES; move++) recounts.push(await mover(doorsOn));
    return recounts.slice(WARM_UP_MOVES);
  };
  const alone = await some(NEXT_DOOR);
  report(`  recounts alone, to the next door: ${describe(alone)}`);
  report(`  to another building: ${describe(await some(FAR_DOOR))}`);

  const ingest = ingestInto(store, service.httpUrl, service.mqttPort);
  const top = await ingest(TOP_MESSAGES_PER_CONNECTION, null);
  report(`  ingest at top speed: ${describeIngest(top)}`);
  const connections = store.building.doors.length;
  const half = [
    Math.ceil((LOAD_S * top.acknowledged) / 2 / connections),
    (connections * 2000) / top.acknowledged,
  ] as const;
  const without = await ingest(...half);
  report(`  ingest at half of it, without recounts: ${describeIngest(without)}`);
  const beside: Recounted[] = [];
  let isOver = false;
  const moving = (async () => {
    while (!isOver) beside.push(await mover(NEXT_DOOR));
  })();
  const withRecounts = await ingest(...half);
  isOver = true;
  await moving;
  report(`  ingest at half of it, one recount after the other: ${describeIngest(withRecounts)}`);
  report(`  recounts beside it: ${describe(beside)}`);
  return figuresOf(alone, without, withRecounts);
}

/** Moves the next DPU from before its first event on, and answers when its events are recounted. */
function moverOf(store: FilledStore, httpUrl: string, pid: number): (doorsOn: number) => Promise<Recounted> {
  const { doors } = store.building;
  const from = new Date(store.firstMs - DAY_MS).toISOString();
  let moves = 0;
  return async (doorsOn) => {
    const door = (moves * DOORS_A_FLOOR + ROOM_DOOR) % doors.length;
    // A DPU whose turn comes again moves back and forth, so that every move has a recount.
    const round = Math.floor((moves * DOORS_A_FLOOR) / doors.length);
    const other = (door + doorsOn + (round % 2)) % doors.length;
    moves += 1;
    const place = { doorway_id: `${doors[other]?.dpuId}-door`, facing: 'a', from };
    const [beganMs, cpuBeforeMs] = [systemClock.monotonicMs(), cpuMs(pid)];
    const url = `${httpUrl}/v1/dpus/${doors[door]?.dpuId}/placements`;
    const body = JSON.stringify(place);
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    let { recount } = (await response.json()) as { recount: { id: string; status: string; events_done: number } };
    while (recount.status !== 'done') {
      const asked = await fetch(`${httpUrl}/v1/recounts/${recount.id}`);
      recount = (await asked.json()) as typeof recount;
    }
    const elapsedMs = systemClock.monotonicMs() - beganMs;
    const events = recount.events_done;
    return {
      events,
      perSecond: (events * 1000) / elapsedMs,
      cpuUsPerEvent: ((cpuMs(pid) - cpuBeforeMs) * 1000) / events,
    };
  };
}

/** One event a publish from every DPU, as fast as it goes or one each `periodMs`; until all are acknowledged, and stored. */
function ingestInto(store: FilledStore, httpUrl: string, port: number) {
  return async (messagesPerConnection: number, periodMs: number | null): Promise<Ingested> => {
    const dpuIds = store.building.doors.map(({ dpuId }) => dpuId);
    const sinceMs = systemClock.nowMs();
    const job: Job = {
      port,
      dpuIds,
      messagesPerConnection,
      warmUpPerConnection: Math.floor(messagesPerConnection * WARM_UP_SHARE),
      eventsPerMessage: 1,
      inFlightPerConnection: 1,
      backlog: null,
      periodMs,
    };
    let beganMs = 0;
    const result: Result = await runLoad(job, () => {
      beganMs = systemClock.monotonicMs();
    });
    const storedMs = await untilStored(httpUrl, sinceMs, result.messages);
    const stored = (result.messages * 1000) / (storedMs - beganMs);
    return { acknowledged: result.messagesPerSecond, stored };
  };
}

/** Resolves with the time at which as many events since `sinceMs` are stored. */
async function untilStored(httpUrl: string, sinceMs: number, events: number): Promise<number> {
  const path = `/v1/events?page_size=1&start_time=${sinceMs}&end_time=${sinceMs + DAY_MS}`;
  for (const beganMs = systemClock.monotonicMs(); ; ) {
    const response = await fetch(httpUrl + path);
    const { total } = (await response.json()) as { total: number };
    const nowMs = systemClock.monotonicMs();
    if (total >= events) return nowMs;
    if (nowMs - beganMs > STORED_TIMEOUT_MS) throw new Error(`${total} of ${events} events are stored`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function describe(recounts: readonly Recounted[]): string {
  const [events, perSecond, cpuUs] = (['events', 'perSecond', 'cpuUsPerEvent'] as const).map((key) =>
    median(recounts.map((one) => one[key])),
  ) as [number, number, number];
  const cost = `${cpuUs.toFixed(1)} µs of the service's processor time each`;
  return `${recounts.length} of ${whole(events)} events, from request to done ${whole(perSecond)} events/s, ${cost}`;
}

function describeIngest({ acknowledged, stored }: Ingested): string {
  return `${whole(acknowledged)} acknowledged/s, ${whole(stored)} stored/s`;
}

function figuresOf(alone: readonly Recounted[], without: Ingested, beside: Ingested): Figure[] {
  const perSecond = median(alone.map((one) => one.perSecond));
  const lost = 1 - Math.min(beside.acknowledged / without.acknowledged, beside.stored / without.stored);
  return [
    {
      name: 'recount of one DPU among 1,000, from request to done',
      measured: `${whole(perSecond)} events/s`,
      peer: '-',
      target: '>= 100,000/s',
      reached: perSecond >= 100_000,
    },
    {
      name: 'ingest at half its top speed, beside one recount after the other',
      measured: describeIngest(beside),
      peer: `without: ${describeIngest(without)}`,
      target: 'at most 20 % less',
      reached: lost <= 0.2,
    },
  ];
}
