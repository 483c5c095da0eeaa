// What a DPU is doing: its connection, when it was last heard, how much it sends, and how far its clock is off.
import type { Clock } from '../shared/clock.ts';
import { HistoryUnavailableError } from '../shared/errors.ts';
import type { Dpu } from '../shared/floorplan.ts';
import { skewMsOf } from '../shared/health/clocks.ts';
import type { DpuId } from '../shared/ids.ts';
import { placementAt } from '../shared/mapping.ts';
import type { Connection, ConnectionStore } from '../shared/storage/connections.ts';
import { NEVER_CONNECTED } from '../shared/storage/connections.ts';
import type { HistoryReader, Span } from '../shared/storage/history.ts';
import type { LiveReader } from '../shared/storage/live.ts';
import { formatTimestampOrNull } from '../shared/timestamp.ts';

/** DPUs that are asked for together. */
const TOGETHER = 5_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Newest events that tell of the clock. */
const SKEW_EVENTS = 500;

export type StatusSources = {
  readonly connections: Pick<ConnectionStore, 'find'>;
  readonly history: Pick<LiveReader, 'heard'>;
  readonly clock: Clock;
};

export type DpuStatus = { readonly dpu: Dpu; readonly connection: Connection; readonly heardAtMs: number | null };

/** Of each of `dpus`, in their order. */
export async function statusesOf({ connections, history }: StatusSources, dpus: readonly Dpu[]): Promise<DpuStatus[]> {
  const [found, heard] = await Promise.all([
    together(dpus, (ids) => connections.find(ids)),
    together(dpus, (ids) => history.heard(ids)),
  ]);
  return dpus.map((dpu, index) => {
    return { dpu, connection: found[index] ?? NEVER_CONNECTED, heardAtMs: heard[index]?.heardAtMs ?? null };
  });
}

/** Those of `dpus` that are connected, or are not. */
export async function onlineAmong(
  { connections }: StatusSources,
  dpus: readonly Dpu[],
  online: boolean,
): Promise<readonly Dpu[]> {
  const found = await together(dpus, (ids) => connections.find(ids));
  return dpus.filter((_, index) => (found[index] ?? NEVER_CONNECTED).online === online);
}

/** Those of `dpus` of which nothing has come since then. */
export async function notHeardAmong(
  { history }: StatusSources,
  dpus: readonly Dpu[],
  sinceMs: number,
): Promise<readonly Dpu[]> {
  const heard = await together(dpus, (ids) => history.heard(ids));
  return dpus.filter((_, index) => (heard[index]?.heardAtMs ?? Number.NEGATIVE_INFINITY) < sinceMs);
}

/** Asks of some at a time, so that other questions come between. */
async function together<Found>(
  dpus: readonly Dpu[],
  ask: (ids: readonly DpuId[]) => Promise<readonly Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (let at = 0; at < dpus.length; at += TOGETHER) {
    for (const one of await ask(dpus.slice(at, at + TOGETHER).map(({ id }) => id))) found.push(one);
  }
  return found;
}

export function isPlaced(dpu: Dpu, atMs: number): boolean {
  return placementAt(dpu, atMs) !== undefined;
}

/** Without what the DPU is doing, unless that is shown. */
export function statusShape({ dpu, connection, heardAtMs }: DpuStatus, isShown: boolean, nowMs: number) {
  const { online, sinceMs, address, mqttVersion, refusals } = isShown ? connection : NEVER_CONNECTED;
  return {
    dpu_id: dpu.id,
    name: dpu.name,
    online: isShown ? online : null,
    since: formatTimestampOrNull(sinceMs),
    last_heard: formatTimestampOrNull(isShown ? heardAtMs : null),
    address,
    mqtt_version: mqttVersion,
    placed: isShown && isPlaced(dpu, nowMs),
    refusals: { ...refusals },
  };
}

/** What the newest events of the DPU tell, of those that are shown; nulls while history cannot be asked. */
export async function activityOf(
  { history, clock }: { readonly history: Pick<HistoryReader, 'events'>; readonly clock: Clock },
  dpuId: DpuId,
  shown: ReadonlyMap<DpuId, readonly Span[]> | null,
) {
  const nowMs = clock.nowMs();
  const query = { dpuId, by: 'timestamp', order: 'desc', ...(shown === null ? {} : { within: shown }) } as const;
  const since = (agoMs: number, limit: number) =>
    // A clock that is ahead stamps events that are still to come.
    history.events({ ...query, span: { fromMs: nowMs - agoMs, untilMs: nowMs + DAY_MS }, limit });
  try {
    const [day, hour, minute] = await Promise.all([since(DAY_MS, SKEW_EVENTS), since(HOUR_MS, 1), since(MINUTE_MS, 1)]);
    const events = { last_minute: minute.total, last_hour: hour.total, last_day: day.total };
    return { clock_skew_ms: skewMsOf(day.results), events };
  } catch (error) {
    if (error instanceof HistoryUnavailableError) return { clock_skew_ms: null, events: null };
    throw error;
  }
}
