// kill -9 of the whole service again and again during recounts: each resumes and ends exact, while a fleet goes on publishing.
//
//   FOOTFALL_FAULT_RECOUNT_KILLS   how often           FOOTFALL_FAULT_SEED  the seed of a run to replay
//   FOOTFALL_FAULT_RECOUNT_EVENTS  of the DPU that moves
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { directionOf } from '../bench/publish-template.ts';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { Follower } from '../support/follower.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_RECOUNT_KILLS', 3);
const EVENTS = setting('FOOTFALL_FAULT_RECOUNT_EVENTS', 50_000);
const CLIENTS = 10;
/** Of each of them after an acknowledgement: the machine is to do other things too. */
const REST_MS = 20;
const EVENTS_PER_MESSAGE = 1_000;
const MESSAGES_AT_ONCE = 10;
/** A year in which the fleet has no events. */
const FIRST_MS = Date.UTC(2025, 0, 15);
/** Two people a second, so that hours are full. */
const STEP_MS = 500;
/** Each move holds from so much later than the one before. */
const MOVE_STEP_MS = 600_000;
const TIMEOUT_MS = 120_000;
const FEED_PAGE = 5_000;
const DAY_2025 = '/v1/events?page_size=1&start_time=2025-01-01T00:00:00Z&end_time=2026-01-01T00:00:00Z';

type Move = { readonly fromMs: number; readonly space: 'east' | 'west' };

test(`${KILLS} kills during recounts of ${EVENTS} events`, { timeout: 120_000 + KILLS * 30_000 + EVENTS }, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 3);
  const fleet = new Fleet(seed, CLIENTS, REST_MS);
  await using service = await startService();
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', floorplan());
  let sent = await publish(service.mqttUrl, 0, EVENTS);
  await vi.waitFor(() => untilStored(client, sent, DAY_2025), { timeout: TIMEOUT_MS });

  await fleet.stayConnected(service.mqttPort);
  const moves: Move[] = [{ fromMs: Number.NEGATIVE_INFINITY, space: 'east' }];
  const recounts: { id: string; events: number }[] = [];
  let killedAt: number[] = [];
  for (let kills = 0; kills < KILLS; ) {
    const id = await moveOn(client, moves);
    const events = sent - eventsBefore(moves.at(-1)?.fromMs ?? 0);
    recounts.push({ id, events });
    const marks = Array.from({ length: KILLS - kills }, () => random.below(events * 0.9)).toSorted(
      (one, two) => one - two,
    );
    for (const mark of marks) {
      const done = await untilDone(client, id, mark);
      if (done >= events) break;
      const before = fleet.acknowledged;
      await service.kill('SIGKILL');
      await service.restart();
      kills += 1;
      killedAt = [...killedAt, done];
      // What the DPU itself sends meanwhile is mapped by the move already.
      sent = await publish(service.mqttUrl, sent, sent + 10);
      await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(before), { timeout: TIMEOUT_MS, interval: 5 });
    }
    await untilDone(client, id, Number.POSITIVE_INFINITY);
  }
  await fleet.finish();
  await untilStored(client, sent, DAY_2025);
  await untilStored(client, fleet.sent.size, '/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z');
  process.stdout.write(`kill -9 in recounts: ${KILLS} times, after ${killedAt.join(', ')} of ${EVENTS} events\n`);
  for (const { id, events } of recounts) {
    const right = { status: 'done', events_done: events, events_total: events };
    expect(await client.get(`/v1/recounts/${id}`), `seed ${seed}`).toMatchObject(right);
  }
  expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
  await compareCounts(client, moves, sent, `seed ${seed}`);
});

function floorplan() {
  const { spaces, doorways, dpus } = fleetFloorplan(CLIENTS);
  const sides = ['east', 'west'];
  const placements = [{ doorway_id: 'gate-east', facing: 'a', from: null }];
  return {
    spaces: [...spaces, ...sides.map((id) => ({ id }))],
    doorways: [...doorways, ...sides.map((id) => ({ id: `gate-${id}`, a: id, b: null }))],
    dpus: [...dpus, { id: 'mover', placements }],
  };
}

/** Sends the mover's events from number `first` up to `end`; answers `end` once all are acknowledged. */
async function publish(url: string, first: number, end: number): Promise<number> {
  const mqtt = await connectAsync(url, { clientId: 'mover' });
  const messages: string[] = [];
  for (let at = first; at < end; at += EVENTS_PER_MESSAGE) {
    const numbers = Array.from({ length: Math.min(EVENTS_PER_MESSAGE, end - at) }, (_, index) => at + index);
    messages.push(
      JSON.stringify(numbers.map((number) => ({ timestamp: atMs(number), direction: directionOf(number) }))),
    );
  }
  while (messages.length > 0) {
    const some = messages.splice(0, MESSAGES_AT_ONCE);
    await Promise.all(some.map((payload) => mqtt.publishAsync('dpu/mover/events', payload, { qos: 1 })));
  }
  await mqtt.endAsync();
  return end;
}

function atMs(number: number): number {
  return FIRST_MS + number * STEP_MS;
}

function eventsBefore(momentMs: number): number {
  return Math.max(0, Math.ceil((momentMs - FIRST_MS) / STEP_MS));
}

/** Moves the mover to the other door; answers the new recount's id as soon as there is one, which is before it is done. */
async function moveOn(client: Client, moves: Move[]): Promise<string> {
  const space = moves.at(-1)?.space === 'east' ? 'west' : 'east';
  const fromMs = FIRST_MS + (moves.length - 1) * MOVE_STEP_MS;
  const before = (await client.get('/v1/recounts')).total;
  moves.push({ space, fromMs });
  const placement = { doorway_id: `gate-${space}`, facing: 'a', from: new Date(fromMs).toISOString() };
  // Answered when the recount is done, or not at all when the service is killed before.
  client.post('/v1/dpus/mover/placements', placement).catch(() => undefined);
  return vi.waitFor(
    async () => {
      const { total, results } = await client.get('/v1/recounts?page_size=1000');
      if (total === before) throw new Error('there is no new recount');
      return results
        .map(({ id }: { id: string }) => id)
        .toSorted((one: string, two: string) => Number(two) - Number(one))[0];
    },
    { timeout: TIMEOUT_MS, interval: 2 },
  );
}

/** Waits until the recount has done as many events, or is done; answers how many it has. */
function untilDone(client: Client, id: string, events: number): Promise<number> {
  return vi.waitFor(
    async () => {
      const { status, events_done } = await client.get(`/v1/recounts/${id}`);
      if (status !== 'done' && events_done < events) throw new Error(`${events_done} events are recounted`);
      return events_done as number;
    },
    { timeout: TIMEOUT_MS, interval: 2 },
  );
}

/** By definition: each event counts where the newest move by its time had put its DPU. */
async function compareCounts(client: Client, moves: readonly Move[], sent: number, told: string): Promise<void> {
  const follower = new Follower(client, FEED_PAGE);
  await follower.follow();
  const moments = [...moves.slice(1).map(({ fromMs }) => fromMs + MOVE_STEP_MS / 2), atMs(sent >> 1), Date.now()];
  for (const momentMs of moments) {
    const right = { east: 0, west: 0 };
    for (let number = 0; number < sent && atMs(number) <= momentMs; number++) {
      const { space } = moves.findLast(({ fromMs }) => fromMs <= atMs(number)) as Move;
      right[space] += directionOf(number);
    }
    for (const space of ['east', 'west'] as const) {
      const at = new Date(momentMs).toISOString();
      const answer = await client.get(`/v1/spaces/${space}/count?at=${at}`);
      const held = { space, at, count: answer.count, fed: follower.count(space, momentMs) };
      expect(held, told).toEqual({ space, at, count: right[space], fed: right[space] });
    }
  }
}
