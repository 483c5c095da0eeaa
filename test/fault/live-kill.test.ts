// A reader of the live stream is cut off at random moments while a fleet publishes, and goes on where it was: it ends with the
// counts of the service, ids only ever increase, and every change came once. Beside it a reader of the change feed goes on too.
//
//   FOOTFALL_FAULT_CUTS  how often      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { Follower } from '../support/follower.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type LiveMessage, openStream } from '../support/live-stream.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const CUTS = setting('FOOTFALL_FAULT_CUTS', 100);
const CLIENTS = 12;
/** Some 1,000 messages a second of one to five events. */
const REST_MS = 20;
const SPACES = ['site', 'hall', 'room'];
/** A cut comes after so many messages, at most. */
const MESSAGES_MAX = 400;
const WAIT = { timeout: 30_000, interval: 20 };

test(`a reader that is cut off ${CUTS} times under load holds what the service does`, {
  timeout: 300_000,
}, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 1);
  await using service = await startService();
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  const fleet = new Fleet(seed, CLIENTS, REST_MS);
  const reader = new Reader(service.httpUrl);
  const follower = new Follower(client, 1_000);
  await reader.open();
  await fleet.connect(service.mqttPort);
  for (let cut = 0; cut < CUTS; cut++) {
    const goal = reader.messages + random.below(MESSAGES_MAX);
    await vi.waitFor(() => expect(reader.received).toBeGreaterThan(goal), WAIT);
    reader.cut();
    await follower.follow();
    await reader.open();
  }
  await fleet.finish();
  await vi.waitFor(async () => expect(await stored(client)).toBe(fleet.sent.size), WAIT);
  const counts: Record<string, number> = {};
  for (const space of SPACES) counts[space] = (await client.get(`/v1/spaces/${space}/count`)).count;
  await vi.waitFor(() => expect(reader.held()).toMatchObject({ counts, changes: counts }), WAIT);
  reader.cut();
  expect(reader.faults, `seed ${seed}`).toEqual([]);
  await follower.follow();
  for (const space of SPACES) {
    const range = `start_time=2026-01-04T00:00:00Z&end_time=2026-02-15T00:00:00Z&interval=1h`;
    const { results } = await client.get(`/v1/spaces/${space}/counts?${range}`);
    const told = results.map(({ count }: { count: number }) => count);
    const ends = results.map((one: { interval: { end: string } }) => Date.parse(one.interval.end) - 1);
    expect(ends.map((atMs: number) => follower.count(space, atMs))).toEqual(told);
  }
  process.stdout.write(`stream cut: ${CUTS} times, ${reader.messages} messages, ${fleet.sent.size} events\n`);
  expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
});

async function stored(client: Client): Promise<number> {
  return (await client.get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total;
}

/** Takes in what a stream tells, in order, over as many streams as it takes. */
class Reader {
  readonly #url: string;
  readonly #counts = new Map<string, number>();
  readonly #changes = new Map<string, number>();
  readonly faults: string[] = [];
  #stream: Awaited<ReturnType<typeof openStream>> | null = null;
  #last: string | undefined;
  /** Of the streams before. */
  messages = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async open(): Promise<void> {
    this.#stream = await openStream(this.#url, '', this.#last);
  }

  get received(): number {
    return this.messages + (this.#stream?.messages.length ?? 0);
  }

  /** What has come is taken in; what was on its way is not, and has to come again. */
  cut(): void {
    const messages = [...(this.#stream?.messages ?? [])];
    this.#stream?.close();
    this.#stream = null;
    for (const message of messages) this.#take(message);
    this.messages += messages.length;
  }

  /** The newest counts, and the sums of all changes, this stream's included. */
  held() {
    const sums = new Map(this.#changes);
    const counts = new Map(this.#counts);
    for (const { type, space_id, count, change } of this.#stream?.messages ?? []) {
      if (type === 'count') counts.set(space_id, count ?? 0);
      else sums.set(space_id, (sums.get(space_id) ?? 0) + (change ?? 0));
    }
    return { counts: Object.fromEntries(counts), changes: Object.fromEntries(sums) };
  }

  #take({ id, type, space_id, count, change }: LiveMessage): void {
    const isLater = this.#last === undefined || Number.parseFloat(id) > Number.parseFloat(this.#last);
    if (!isLater) this.faults.push(`${id} came after ${this.#last}`);
    if (type === 'resync') this.faults.push(`a resync at ${id}`);
    this.#last = id;
    if (type === 'count') this.#counts.set(space_id, count ?? 0);
    if (type === 'change') this.#changes.set(space_id, (this.#changes.get(space_id) ?? 0) + (change ?? 0));
  }
}
