// Webhooks of the running service: counts, changes and thresholds arrive signed and in order, and everything about them
// can be seen and changed over HTTP.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let receiver: Receiver;
let prefix: string;
let prefixes = 0;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' } });
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());
beforeEach(async () => {
  prefix = `t${++prefixes}`;
  receiver = await startReceiver();
  for (const name of ['A', 'B']) {
    await client.post('/v1/spaces', { id: id(name), capacity: 10 });
    await client.post('/v1/doorways', { id: id(`door-${name}`), a: id(name), b: null });
    await client.post('/v1/dpus', { id: id(`dpu-${name}`) });
    await client.post(`/v1/dpus/${id(`dpu-${name}`)}/placements`, { doorway_id: id(`door-${name}`), facing: 'a' });
  }
  return async () => {
    for (const { id: webhook } of (await client.get('/v1/webhooks')).results)
      await client.delete(`/v1/webhooks/${webhook}`);
    await receiver[Symbol.asyncDispose]();
  };
});

const id = (name: string): string => `${prefix}-${name}`;

let stamps = Date.UTC(2026, 2, 1);
const send = (name: string, direction: 1 | -1, timestamp?: number) => {
  stamps += 1;
  return client.post(`/v1/dpus/${id(`dpu-${name}`)}/events`, { timestamp: timestamp ?? stamps, direction });
};

async function webhook(body: object) {
  const made = await client.post('/v1/webhooks', { url: receiver.url, space_ids: [id('A'), id('B')], ...body });
  receiver.secrets = [made.secret];
  return made;
}

/** The newest count of each space that was told. */
const held = () =>
  Object.fromEntries(
    receiver
      .ofType('count')
      .flatMap(({ data }) => data.results)
      .map(({ space_id, count }: { space_id: string; count: number }) => [space_id, count]),
  );
const wait = { timeout: 20_000, interval: 20 };

test('the counts of now are told, then each change and the counts that it makes, signed', async () => {
  await webhook({ types: ['count', 'change'] });
  await vi.waitFor(() => expect(held()).toEqual({ [id('A')]: 0, [id('B')]: 0 }), wait);
  await send('A', 1);
  await send('B', 1);
  await send('A', 1);
  await vi.waitFor(() => expect(held()).toEqual({ [id('A')]: 2, [id('B')]: 1 }), wait);
  const entries = receiver.ofType('change').flatMap(({ data }) => data.results);
  const { results } = await client.get(`/v1/changes?space_ids=${id('A')},${id('B')}`);
  expect(entries).toEqual(results);
  const [count] = receiver.ofType('count').slice(-1) as [Received];
  expect(count.data.results[0]).toMatchObject({ at: expect.any(String), status: expect.any(String) });
  expect(receiver.headers[0]).toMatchObject({
    'content-type': 'application/json',
    'webhook-id': expect.stringMatching(/^msg_/),
    'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
    'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
  });
  expect(receiver.faults).toEqual([]);
});

test('a threshold is crossed once and cleared once, however the count wobbles in between', async () => {
  await webhook({
    types: ['count', 'threshold.crossed', 'threshold.cleared'],
    thresholds: [{ space_id: id('A'), of: 'capacity', above: 0.4, below: 0.2 }],
  });
  const told = () => receiver.taken.filter(({ type }) => type !== 'count').map(({ type, data }) => [type, data.count]);
  let count = 0;
  const step = async (directions: readonly (1 | -1)[]) => {
    for (const direction of directions) {
      await send('A', direction);
      count += direction;
      // Each count by itself, so that none is passed over.
      await vi.waitFor(() => expect(held()[id('A')]).toBe(count), wait);
    }
  };
  await step([1, 1, 1, 1]);
  expect(told()).toEqual([]);
  await step([1, -1, 1, -1, -1, 1]);
  expect(told()).toEqual([['threshold.crossed', 5]]);
  await step([-1, -1, 1, -1, 1]);
  expect(told().slice(1)).toEqual([['threshold.cleared', 2]]);
  const crossed = receiver.ofType('threshold.crossed')[0]?.data;
  expect(crossed).toMatchObject({ space_id: id('A'), capacity: 10, threshold: { of: 'capacity', above: 0.4 } });
  // With another capacity the same count is too many.
  await client.patch(`/v1/spaces/${id('A')}`, { capacity: 4 });
  await vi.waitFor(() => expect(told().slice(2)).toEqual([['threshold.crossed', 3]]), wait);
  expect(receiver.faults).toEqual([]);
});
