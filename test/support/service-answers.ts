// Holds every kind of answer of the running service against the model, once all that was sent has been taken in.
import { expect, vi } from 'vitest';
import type { Client } from './http.ts';
import type { Model } from './model.ts';
import { bucketsByForce, type ModelInterval } from './model-calendar.ts';
import { coverageOf, waitingFor } from './model-certainty.ts';
import { type Player, RECENT_MS } from './service-player.ts';
import { SPACES } from './service-schedule.ts';

/** What the service is started with: half of the moments of a recent scene are late, half on time. */
export const LATENESS_MS = RECENT_MS / 2;
const INTERVALS: readonly ModelInterval[] = ['1d', '1w', '1h', '15m', '5m'];
const SETTLED_TIMEOUT_MS = 60_000;
const DAY_MS = 86_400_000;
const EVER = Number.NEGATIVE_INFINITY;

type Asked = { readonly client: Client; readonly player: Player; readonly model: Model };
const iso = (ms: number) => new Date(ms).toISOString();

/** Asks everything; throws at the first answer that is not the model's. */
export async function compare(asked: Asked): Promise<void> {
  const { player } = asked;
  const { moments } = player.schedule;
  for (const offsetMs of moments) await compareCounts(asked, player.at(offsetMs));
  await compareNow(asked);
  for (const [index, name] of SPACES.entries()) {
    const question = player.schedule.questions[index] ?? 0;
    const space = String(player.id(name));
    await compareSeries(asked, space, INTERVALS[question % INTERVALS.length] as ModelInterval);
    await compareExplanation(asked, space, player.at(moments[question % moments.length] as number));
    await compareKnown(asked, space, question);
  }
}

async function compareCounts({ client, player, model }: Asked, atMs: number): Promise<void> {
  const spaces = SPACES.map((name) => String(player.id(name)));
  const path = `/v1/spaces/counts?at=${atMs}&space_ids=${spaces.join(',')}`;
  const { results } = await client.get(path);
  const expected = spaces.map((space) => {
    const count = model.count(space, atMs);
    const start = model.start(space, atMs);
    const reset = start === null ? null : { id: start.id, at: iso(start.atMs), count: start.count };
    const coverage = coverageOf(model, space, start?.atMs ?? EVER, atMs);
    return { space_id: space, at: iso(atMs), count, occupancy: Math.max(0, count), reset, coverage };
  });
  expect(results).toMatchObject(expected);
  const arrived = { heardMs: player.heardMs, latenessMs: LATENESS_MS };
  const waiting = spaces.map((space) =>
    waitingFor(model, space, model.start(space, atMs)?.atMs ?? EVER, atMs, arrived),
  );
  await vi.waitFor(
    async () => {
      const { results } = await client.get(path);
      for (const [index, answer] of results.entries()) {
        const { for: names, isCertain } = waiting[index] as (typeof waiting)[number];
        if (!isCertain) continue;
        const { space_id, status, waiting_for } = answer;
        const sure = { space_id, status: names.length === 0 ? 'settled' : 'provisional', waiting_for: names };
        expect({ space_id, status, waiting_for }, `at ${iso(atMs)}`).toEqual(sure);
      }
    },
    { timeout: SETTLED_TIMEOUT_MS, interval: 20 },
  );
}

/** The live count is the one at the moment that it names, and so is what came since midnight. */
async function compareNow({ client, player, model }: Asked): Promise<void> {
  const spaces = SPACES.map((name) => String(player.id(name)));
  await vi.waitFor(
    async () => {
      const { results } = await client.get(`/v1/spaces/counts?space_ids=${spaces.join(',')}&include=today`);
      for (const { space_id, at, count, reset, today } of results) {
        const atMs = Date.parse(at);
        const start = model.start(space_id, atMs);
        expect({ space_id, at, count, from: reset?.at ?? null }).toEqual({
          space_id,
          at,
          count: model.count(space_id, atMs),
          from: start === null ? null : iso(start.atMs),
        });
        const zone = model.version('space_version', space_id, atMs)?.timeZone ?? 'UTC';
        const [day] = bucketsByForce([{ fromMs: EVER, zone }], '1d', atMs, atMs + 1).slice(-1);
        const { entrances, exits, max } = model.bucket(space_id, (day as [number, number])[0], atMs + 1);
        expect({ space_id, at, ...today }).toEqual({ space_id, at, entrances, exits, peak: max });
      }
    },
    { timeout: SETTLED_TIMEOUT_MS, interval: 20 },
  );
}

async function compareSeries({ client, player, model }: Asked, space: string, interval: ModelInterval): Promise<void> {
  const reachMs = interval === '5m' ? DAY_MS / 8 : interval === '15m' ? DAY_MS / 2 : 2 * DAY_MS;
  const [fromMs, untilMs] = [player.at(0) - reachMs, Math.min(player.at(0) + reachMs, Date.now() - 1)];
  const path = `/v1/spaces/${space}/counts?start_time=${fromMs}&end_time=${untilMs}&interval=${interval}&page_size=5000`;
  const { results } = await client.get(path);
  const expected = bucketsByForce(model.zones(space), interval, fromMs, untilMs).map(([startMs, endMs]) => {
    const { count, ...analytics } = model.bucket(space, startMs, endMs);
    const events = analytics.entrances + analytics.exits;
    const [start, end] = [iso(startMs), iso(endMs)];
    return { timestamp: start, count, interval: { start, end, analytics: { ...analytics, events } } };
  });
  expect(results, `${path}`).toEqual(expected);
}

async function compareExplanation({ client, model }: Asked, space: string, atMs: number): Promise<void> {
  const why = await client.get(`/v1/spaces/${space}/count/explain?at=${atMs}&page_size=5000`);
  const start = model.start(space, atMs);
  const afterMs = start?.atMs ?? EVER;
  const deltas = { on_time: 0, late: 0, recounted: 0, adjusted: model.adjusted(space, afterMs, atMs) };
  const changed = new Map<string, number>();
  for (const event of model.events.values()) {
    if (event.atMs <= afterMs || event.atMs > atMs) continue;
    const first = model.known(event.recordedAtMs).delta(event, space);
    const delta = model.delta(event, space);
    deltas[event.recordedAtMs - event.atMs > LATENESS_MS ? 'late' : 'on_time'] += first;
    deltas.recounted += delta - first;
    if (delta !== 0) changed.set(`${event.dpu} ${iso(event.atMs)} ${event.direction} ${event.seq}`, delta);
  }
  const message = `${space} explained at ${iso(atMs)}`;
  expect({ count: why.count, deltas: why.deltas }, message).toEqual({ count: model.count(space, atMs), deltas });
  type Explained = { dpu_id: string; timestamp: string; direction: number; seq: number | null; delta: number };
  const named = (why.results as Explained[]).filter(({ delta }) => delta !== 0);
  const told = named.map((one) => [`${one.dpu_id} ${one.timestamp} ${one.direction} ${one.seq}`, one.delta] as const);
  expect(new Map(told), message).toEqual(changed);
}

/** As known just before and just when something was recorded. */
async function compareKnown({ client, player, model }: Asked, space: string, question: number): Promise<void> {
  const recordings = [...model.events.values(), ...model.facts].map(({ recordedAtMs }) => recordedAtMs);
  const moments = [...new Set(recordings)].sort((one, other) => one - other);
  for (let asked = 0; asked < 3; asked++) {
    const recordedMs = moments[(question * 7 + asked * 5) % moments.length] as number;
    const knownAtMs = recordedMs - ((question + asked) % 2);
    const offsets = player.schedule.moments;
    const atMs = player.at(offsets[(question + asked) % offsets.length] as number);
    if (atMs > knownAtMs) continue;
    const count = await countKnown(client, space, `at=${atMs}&known_at=${knownAtMs}`);
    const told = { space, at: iso(atMs), knownAt: iso(knownAtMs) };
    expect({ ...told, count }).toEqual({ ...told, count: model.known(knownAtMs).count(space, atMs) });
  }
}

/** While anything is being recounted, other schedules' facts included, the service asks to come again. */
async function countKnown(client: Client, space: string, query: string): Promise<number> {
  return vi.waitFor(
    async () => {
      const answer = await client.call('GET', `/v1/spaces/${space}/count?${query}`);
      if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body.count as number;
    },
    { timeout: SETTLED_TIMEOUT_MS, interval: 20 },
  );
}
