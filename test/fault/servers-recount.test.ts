// The processor is killed again and again during a recount of 100,000 events: it goes on where it was, and ends exact.
//
//   FOOTFALL_FAULT_RECOUNT_KILLS  how often
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { setting } from '../support/setting.ts';

const KILLS = setting('FOOTFALL_FAULT_RECOUNT_KILLS', 3);
const EVENTS = 100_000;
const EVENTS_PER_POST = 1_000;
const START_MS = Date.UTC(2026, 0, 5);
const STEP_MS = 20_000;
/** So many events lie before the move. */
const UNMOVED = 1_000;
const MOVED = EVENTS - UNMOVED;
/** The partitions of a killed owner are taken over, and a piece is done. */
const WAIT = { timeout: 60_000, interval: 20 };

const directionOf = (index: number): 1 | -1 => (index % 5 < 3 ? 1 : -1);
const netOf = (from: number, until: number): number => {
  let net = 0;
  for (let index = from; index < until; index++) net += directionOf(index);
  return net;
};

async function building(client: Client): Promise<void> {
  for (const name of ['A', 'B', 'C']) {
    await client.post('/v1/spaces', { id: name });
    await client.post('/v1/doorways', { id: `door-${name}`, a: name, b: null });
  }
  for (const [dpu, door] of [
    ['mover', 'door-A'],
    ['other', 'door-C'],
  ]) {
    await client.post('/v1/dpus', { id: dpu });
    await client.post(`/v1/dpus/${dpu}/placements`, { doorway_id: door, facing: 'a' });
  }
}

/** The counts that a reader of all changes holds. */
async function heldCounts(client: Client): Promise<Map<string, number>> {
  const held = new Map<string, number>();
  for (let since = ''; ; ) {
    const page = await client.get(`/v1/changes?page_size=5000${since === '' ? '' : `&since=${since}`}`);
    for (const { space_id, change } of page.results) held.set(space_id, (held.get(space_id) ?? 0) + change);
    if (page.next === since) return held;
    since = page.next;
  }
}

test(`a recount of ${EVENTS} events goes on over ${KILLS} kills, and ingest beside it`, {
  timeout: 240_000 + KILLS * 60_000,
}, async () => {
  await using servers = await startServers();
  await servers.start('broker');
  const [api, processor] = [await servers.start('api'), await servers.start('processor')];
  const client = httpClient(api.httpUrl);
  await building(client);
  for (let at = 0; at < EVENTS; at += EVENTS_PER_POST) {
    const events = Array.from({ length: EVENTS_PER_POST }, (_, index) => ({
      timestamp: START_MS + (at + index) * STEP_MS,
      direction: directionOf(at + index),
    }));
    await client.post('/v1/dpus/mover/events', events);
  }
  await vi.waitFor(() => untilStored(client, EVENTS, '/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z'), WAIT);

  // It waits for the recount, which takes longer than it may.
  const from = new Date(START_MS + UNMOVED * STEP_MS).toISOString();
  const moving = client.post('/v1/dpus/mover/placements', { doorway_id: 'door-B', facing: 'a', from });
  const running = async () => (await client.get('/v1/recounts?status=running')).results[0];
  let [done, others, resumed] = [0, 0, 0];
  for (let kill = 0; kill < KILLS; kill++) {
    const [recount] = await vi.waitFor(async () => {
      const { results } = await client.get('/v1/recounts');
      expect(results[0]?.events_done).toBeGreaterThan(done);
      return results;
    }, WAIT);
    if (recount.status === 'done') break;
    done = recount.events_done;
    await processor.kill('SIGKILL');
    await client.post('/v1/dpus/other/events', { timestamp: START_MS + kill * 1_000, direction: 1 });
    others += 1;
    await processor.restart();
    await vi.waitFor(async () => expect((await client.get('/v1/spaces/C/count')).count).toBe(others), WAIT);
    if ((await running()) !== undefined) resumed += 1;
  }
  await moving;
  await vi.waitFor(async () => expect(await running()).toBeUndefined(), { ...WAIT, timeout: 120_000 });
  process.stdout.write(`recount: ${others} kills, ${resumed} of them with more to do once others were counted\n`);
  expect(resumed).toBeGreaterThan(0);

  const { results } = await client.get('/v1/recounts');
  expect(results).toMatchObject([{ status: 'done', events_total: MOVED, events_done: MOVED }]);
  const expected = { A: netOf(0, UNMOVED), B: netOf(UNMOVED, EVENTS), C: others };
  const counts = (await client.get('/v1/spaces/counts')).results as { space_id: string; count: number }[];
  expect(Object.fromEntries(counts.map(({ space_id, count }) => [space_id, count]))).toEqual(expected);
  expect(Object.fromEntries(await heldCounts(client))).toEqual(expected);
  expect(await client.post('/v1/verify')).toMatchObject({ equal: true });
});
