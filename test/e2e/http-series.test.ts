// Series over HTTP against the definition, worked out by hand and by brute force from every single event.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());

type Event = { readonly timestamp: number; readonly direction: 1 | -1; readonly seq: number };
type Reset = { readonly atMs: number; readonly count: number | null; readonly change: number | null };
type Bucket = {
  readonly timestamp: string;
  readonly count: number;
  readonly interval: {
    readonly start: string;
    readonly end: string;
    readonly analytics: { min: number; max: number; entrances: number; exits: number; events: number };
  };
};

async function room(name: string, fields: object): Promise<void> {
  await client.post('/v1/spaces', { id: name, ...fields });
  await client.post('/v1/doorways', { id: `${name}-X`, a: name, b: null });
  await client.post('/v1/dpus', { id: `${name}-1` });
  await client.post(`/v1/dpus/${name}-1/placements`, { doorway_id: `${name}-X`, facing: 'a' });
}

async function send(name: string, events: readonly Event[]): Promise<void> {
  for (let at = 0; at < events.length; at += 1000) {
    await client.post(`/v1/dpus/${name}-1/events`, events.slice(at, at + 1000));
  }
  await untilStored(client, events.length, `/v1/dpus/${name}-1/events?page_size=1`);
}

const series = (name: string, from: string, until: string, rest: string) =>
  client.get(`/v1/spaces/${name}/counts?start_time=${from}&end_time=${until}&${rest}`);

/** The count by its definition: a reset hides what is at its instant or before. */
function countAt(events: readonly Event[], resets: readonly Reset[], atMs: number): number {
  const start = resets.findLast((reset) => reset.count !== null && reset.atMs <= atMs);
  const isSince = (ms: number) => ms > (start?.atMs ?? -Infinity) && ms <= atMs;
  let count = start?.count ?? 0;
  for (const event of events) if (isSince(event.timestamp)) count += event.direction;
  for (const reset of resets) if (isSince(reset.atMs)) count += reset.change ?? 0;
  return count;
}

function bucketByForce(events: readonly Event[], resets: readonly Reset[], start: string, end: string): Bucket {
  const [fromMs, untilMs] = [Date.parse(start), Date.parse(end)];
  const isIn = (ms: number) => fromMs <= ms && ms < untilMs;
  const within = events.filter((event) => isIn(event.timestamp));
  const moments = [...within.map((event) => event.timestamp), ...resets.map((reset) => reset.atMs).filter(isIn)];
  const values = [fromMs - 1, ...moments].map((atMs) => countAt(events, resets, atMs));
  const entrances = within.filter((event) => event.direction === 1).length;
  const exits = within.length - entrances;
  const analytics = { min: Math.min(...values), max: Math.max(...values), entrances, exits, events: within.length };
  return { timestamp: start, count: countAt(events, resets, untilMs - 1), interval: { start, end, analytics } };
}

/** The same numbers at every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test('hours with events, without, with a reset, and one that is cut', async () => {
  await room('hours', {});
  const event = (time: string, direction: 1 | -1, seq: number): Event => {
    return { timestamp: Date.parse(`2026-01-05T${time}Z`), direction, seq };
  };
  await send('hours', [
    event('08:00:00.000', 1, 1),
    event('08:30:00.000', 1, 2),
    event('08:30:00.000', -1, 3),
    event('08:59:59.999', 1, 4),
    event('10:15:00.000', -1, 5),
    event('10:45:00.000', 1, 6),
  ]);
  await client.post('/v1/spaces/hours/resets', { at: '2026-01-05T10:30:00Z', count: 10 });
  const answer = await series('hours', '2026-01-05T08:10:00Z', '2026-01-05T10:50:00Z', 'interval=1h');
  const bucket = (start: string, end: string, count: number, analytics: object): object => ({
    timestamp: `2026-01-05T${start}:00.000Z`,
    count,
    interval: { start: `2026-01-05T${start}:00.000Z`, end: `2026-01-05T${end}:00.000Z`, analytics },
  });
  expect(answer).toEqual({
    total: 3,
    next: null,
    results: [
      bucket('08:00', '09:00', 2, { min: 0, max: 2, entrances: 3, exits: 1, events: 4 }),
      bucket('09:00', '10:00', 2, { min: 2, max: 2, entrances: 0, exits: 0, events: 0 }),
      bucket('10:00', '10:50', 11, { min: 1, max: 11, entrances: 1, exits: 1, events: 2 }),
    ],
  });
});

test('a reset at the end of a bucket belongs to the next', async () => {
  await room('midnight', { daily_reset: '00:00' });
  await send('midnight', [{ timestamp: Date.parse('2026-01-05T12:00:00Z'), direction: 1, seq: 1 }]);
  const { results } = await series('midnight', '2026-01-05T00:00:00Z', '2026-01-07T00:00:00Z', 'interval=1d');
  expect(results.map((one: Bucket) => one.count)).toEqual([1, 0]);
});

const DAY_MS = 86_400_000;
test.each([
  [
    'spring',
    '2026-03-25T23:00:00Z',
    [
      '2026-03-26T03:00Z',
      '2026-03-27T03:00Z',
      '2026-03-28T03:00Z',
      '2026-03-29T02:00Z',
      '2026-03-30T02:00Z',
      '2026-03-31T02:00Z',
    ],
    143,
  ],
  [
    'autumn',
    '2025-10-21T22:00:00Z',
    [
      '2025-10-22T02:00Z',
      '2025-10-23T02:00Z',
      '2025-10-24T02:00Z',
      '2025-10-25T02:00Z',
      '2025-10-26T03:00Z',
      '2025-10-27T03:00Z',
    ],
    145,
  ],
])('in %s in Berlin every bucket of every interval is what the definition says', async (name, from, dailyResets, hours) => {
  const fromMs = Date.parse(from);
  const untilMs = fromMs + hours * 3_600_000;
  const next = random(hours);
  // Many fall on the same millisecond or on the edge of a bucket.
  const events = Array.from({ length: 900 }, (_, seq): Event => {
    const exactMs = fromMs - DAY_MS / 2 + next() * (untilMs - fromMs + DAY_MS / 2);
    const stepMs = next() < 0.5 ? 900_000 : 60_000;
    return { timestamp: Math.floor(exactMs / stepMs) * stepMs, direction: next() < 0.55 ? 1 : -1, seq };
  });
  const manual = Array.from({ length: 12 }, (_, index): Reset => {
    const atMs = Math.floor((fromMs + next() * (untilMs - fromMs)) / 300_000) * 300_000 + index;
    return index % 3 === 0 ? { atMs, count: index, change: null } : { atMs, count: null, change: 4 - index };
  });
  const daily = dailyResets.map((at): Reset => ({ atMs: Date.parse(at), count: 0, change: null }));
  const resets = [...daily, ...manual].toSorted((one, other) => one.atMs - other.atMs);
  await room(name, { time_zone: 'Europe/Berlin', daily_reset: '04:00' });
  for (const { atMs, count, change } of manual) {
    await client.post(`/v1/spaces/${name}/resets`, { at: atMs, ...(count === null ? { change } : { count }) });
  }
  await send(name, events);
  const until = new Date(untilMs).toISOString();
  for (const [interval, length] of [
    ['15m', hours * 4],
    ['1h', hours],
    ['1d', 6],
  ] as const) {
    const { results, total } = await series(name, from, until, `interval=${interval}`);
    expect([total, results.length]).toEqual([length, length]);
    let start = new Date(fromMs).toISOString();
    for (const bucket of results as Bucket[]) {
      expect(bucket.interval.start).toBe(start);
      // Before the range there may be resets that the model does not know; the first daily reset ends their reach.
      const isKnown = Date.parse(start) > (daily[0]?.atMs ?? 0);
      if (isKnown) expect(bucket).toEqual(bucketByForce(events, resets, start, bucket.interval.end));
      start = bucket.interval.end;
    }
    expect(start).toBe(until);
  }
  const [day] = (await series(name, from, until, 'interval=1w')).results;
  expect(new Date(day.timestamp).toLocaleDateString('en', { weekday: 'long', timeZone: 'Europe/Berlin' })).toBe(
    'Monday',
  );
});

test('days of 23 and 25 hours are one bucket each', async () => {
  await client.post('/v1/spaces', { id: 'dst', time_zone: 'Europe/Berlin' });
  const edges = async (from: string, until: string) => {
    const { results } = await series('dst', from, until, 'interval=1d');
    return results.map((one: Bucket) => `${one.interval.start} ${one.interval.end}`);
  };
  expect(await edges('2026-03-29T12:00:00Z', '2026-03-29T22:00:00Z')).toEqual([
    '2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z',
  ]);
  expect(await edges('2025-10-26T12:00:00Z', '2025-10-26T23:00:00Z')).toEqual([
    '2025-10-25T22:00:00.000Z 2025-10-26T23:00:00.000Z',
  ]);
});

test('pages join up to the series, forwards and backwards', async () => {
  await room('paged', {});
  await send(
    'paged',
    Array.from({ length: 50 }, (_, seq) => ({ timestamp: Date.UTC(2026, 0, 5) + seq * 77_000, direction: 1, seq })),
  );
  const query = 'interval=5m';
  const [from, until] = ['2026-01-05T00:00:00Z', '2026-01-05T01:00:00Z'];
  const whole = (await series('paged', from, until, query)).results as Bucket[];
  expect(whole.length).toBe(12);
  for (const order of ['asc', 'desc']) {
    const found: Bucket[] = [];
    for (let cursor = ''; ; ) {
      const page = await series('paged', from, until, `${query}&order=${order}&page_size=5${cursor}`);
      expect(page.total).toBe(12);
      found.push(...page.results);
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(found).toEqual(order === 'asc' ? whole : whole.toReversed());
  }
});

test('a series ends now, and one that begins later is empty', async () => {
  const from = new Date(Date.now() - 5 * 60_000).toISOString();
  const later = new Date(Date.now() + 86_400_000).toISOString();
  const { results, total } = await series('hours', from, later, 'interval=1m');
  expect([5, 6]).toContain(total);
  expect(Date.parse(results.at(-1).interval.end)).toBeLessThanOrEqual(Date.now());
  expect(await series('hours', later, '2100-01-01T00:00:00Z', 'interval=1h')).toEqual({
    total: 0,
    next: null,
    results: [],
  });
});
