// Webhooks of the running service: counts, changes and thresholds arrive signed and in order, and everything about them
// can be seen and changed over HTTP.
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let receiver: Receiver;
let document: {
  webhooks: Record<string, { post: { requestBody: { content: Record<string, { schema: object; example: object }> } } }>;
  components: object;
};
let prefix: string;
let prefixes = 0;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' } });
  client = httpClient(service.httpUrl);
  document = await client.get('/openapi.json');
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
    for (const message of receiver.taken) expect([message.type, faultsOfMessage(message)]).toEqual([message.type, []]);
    for (const { id: webhook } of (await client.get('/v1/webhooks')).results)
      await client.delete(`/v1/webhooks/${webhook}`);
    await receiver[Symbol.asyncDispose]();
  };
});

/** What of a message is not as the OpenAPI document says. */
function faultsOfMessage({ id: _, ...message }: Received): unknown[] {
  const ajv = new Ajv2020({ strict: false });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  const { schema } = document.webhooks[message.type]?.post.requestBody.content['application/json'] as {
    schema: object;
  };
  const validate = ajv.compile({ ...schema, components: document.components });
  return validate(message) ? [] : (validate.errors ?? []);
}

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

test('what cannot be is refused, with what to do', async () => {
  const good = { url: 'https://dashboard.example/', types: ['count'] };
  const rows: [over: object, status: number, path: string][] = [
    [{ url: 'dashboard.example' }, 400, 'body.url'],
    [{ url: 'ftp://dashboard.example/' }, 400, 'body.url'],
    [{ url: 'https://me:secret@dashboard.example/' }, 400, 'body.url'],
    [{ url: 'https://10.0.0.1/' }, 400, 'body.url'],
    [{ url: 'https://[::ffff:10.0.0.1]/' }, 400, 'body.url'],
    [{ url: 'http://169.254.169.254/latest/meta-data' }, 400, 'body.url'],
    [{ url: 'http://1.1.1.1/' }, 400, 'body.url'],
    [{ types: [] }, 400, 'body.types'],
    [{ types: ['counts'] }, 400, 'body.types.0'],
    [{ space_ids: ['none'] }, 404, 'body.space_ids.0'],
    [{ thresholds: [{ above: 1, below: 2 }] }, 400, 'body.thresholds.0.below'],
    [{ thresholds: [{ above: 1, space_id: 'none' }] }, 404, 'body.thresholds.0.space_id'],
    [{ space_ids: [id('A')], thresholds: [{ above: 1, space_id: id('B') }] }, 400, 'body.thresholds.0.space_id'],
    [{ secret: 'mine' }, 400, 'body.secret'],
  ];
  for (const [over, status, path] of rows) {
    const answer = await client.call('POST', '/v1/webhooks', { ...good, ...over });
    expect([over, answer.status, answer.body.errors?.[0]?.path]).toEqual([over, status, path]);
  }
  for (const path of ['', '/deliveries', '/deliveries/1']) {
    expect((await client.call('GET', `/v1/webhooks/none${path}`)).body.code).toBe('webhook_not_found');
  }
});

test('its log tells of every attempt, and what was delivered can be sent again', async () => {
  receiver.behave = () => (receiver.done.length === 0 ? 'fail' : 'take');
  const made = await webhook({ types: ['webhook.disabled'], name: 'ours' });
  const at = `/v1/webhooks/${made.id}`;
  const tried = await client.post(`${at}/test`, {});
  expect(tried).toMatchObject({ id: '1', type: 'webhook.test', attempts: 0 });
  await vi.waitFor(async () => expect((await client.get(at)).status).toBe('failing'), wait);
  const [failing] = (await client.get(`${at}/deliveries?state=failing`)).results;
  expect(failing).toMatchObject({ attempts: 1, status_code: 500, error: 'it answered 500', state: 'failing' });
  expect(Date.parse(failing.next_attempt_at)).toBeGreaterThan(Date.parse(failing.last_attempt_at));
  expect(await client.get(at)).toMatchObject({ waiting: 1, failing_since: failing.last_attempt_at });
  await vi.waitFor(() => expect(receiver.ofType('webhook.test').length).toBe(1), wait);
  await vi.waitFor(async () => expect((await client.get(at)).status).toBe('working'), wait);
  const told = await client.get(`${at}/deliveries/1`);
  expect(told).toMatchObject({ state: 'delivered', attempts: 2, status_code: 204, error: null, next_attempt_at: null });
  expect(told.message).toEqual({ type: 'webhook.test', timestamp: expect.any(String), data: { webhook_id: made.id } });
  const again = await client.post(`${at}/deliveries/1/replay`, {});
  expect(again).toMatchObject({ id: '2', message_id: told.message_id });
  await vi.waitFor(() => expect(receiver.taken.length).toBe(2), wait);
  expect(receiver.taken[1]).toEqual(receiver.taken[0]);
  const first = await client.get(`${at}/deliveries?page_size=1`);
  const rest = await client.get(`${at}/deliveries?page_size=1&cursor=${first.next}`);
  expect([first.total, first.results[0].id, rest.results[0].id, rest.next]).toEqual([2, '2', '1', null]);
  expect((await client.call('POST', `${at}/deliveries/9/replay`, {})).body.code).toBe('delivery_not_found');
  expect(receiver.faults).toEqual([]);
});

test('behind a thousand messages that wait nothing more is put by hand, until they are gone', async () => {
  await using own = await startService({ environment: { FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' } });
  const client = httpClient(own.httpUrl);
  const { id: made } = await client.post('/v1/webhooks', { url: receiver.url, types: ['webhook.disabled'] });
  const at = `/v1/webhooks/${made}`;
  await client.patch(at, { enabled: false });
  for (let sent = 0; sent < 1_000; sent += 10) {
    await Promise.all(Array.from({ length: 10 }, () => client.post(`${at}/test`, {})));
  }
  for (const path of ['/test', '/deliveries/1000/replay']) {
    const answer = await client.call('POST', `${at}${path}`, {});
    expect([answer.status, answer.body.code]).toEqual([409, 'too_many_deliveries']);
  }
  expect((await client.get(at)).waiting).toBe(1_000);
  await client.patch(at, { enabled: true });
  await vi.waitFor(async () => expect((await client.get(at)).waiting).toBeLessThan(900), wait);
  await client.post(`${at}/test`, {});
});

/** Asks for messages until one has such a signature: the process that sends them learns of a new secret a moment later. */
const signedWith = (at: string, suits: (signature: string) => boolean) =>
  vi.waitFor(async () => {
    const before = receiver.headers.length;
    await client.post(`${at}/test`, {});
    await vi.waitFor(() => expect(receiver.headers.length).toBeGreaterThan(before), wait);
    expect(receiver.headers.at(-1)?.['webhook-signature']).toSatisfy(suits);
  }, wait);

test('a new secret signs beside the one before, for as long as was asked', async () => {
  const made = await webhook({ types: ['count'] });
  const at = `/v1/webhooks/${made.id}`;
  expect(await client.get(at)).not.toHaveProperty('secret');
  const { secret, former_until: until } = await client.post(`${at}/secret`, {});
  expect(Date.parse(until) - Date.now()).toBeGreaterThan(86_300_000);
  receiver.secrets = [made.secret, secret];
  await signedWith(at, (signature) => signature.includes(' '));
  receiver.secrets = [];
  const last = await client.post(`${at}/secret`, { overlap_s: 0 });
  await signedWith(at, (signature) => !signature.includes(' '));
  receiver.secrets = [last.secret];
  receiver.faults.length = 0;
  const before = receiver.taken.length;
  await client.post(`${at}/test`, {});
  await vi.waitFor(() => expect(receiver.taken.length).toBeGreaterThan(before), wait);
  expect(receiver.faults).toEqual([]);
});

test('one that is changed is told anew, one that is switched off nothing, one that is removed is gone', async () => {
  const made = await webhook({ types: ['count'], space_ids: [id('A')] });
  const at = `/v1/webhooks/${made.id}`;
  await vi.waitFor(() => expect(held()).toEqual({ [id('A')]: 0 }), wait);
  expect(await client.patch(at, { enabled: false })).toMatchObject({
    enabled: false,
    status: 'disabled',
    disabled_at: null,
  });
  await send('A', 1);
  await client.get('/v1/spaces/counts');
  expect(held()).toEqual({ [id('A')]: 0 });
  await client.patch(at, { enabled: true, space_ids: null, name: 'everything' });
  await vi.waitFor(() => expect(held()).toMatchObject({ [id('A')]: 1, [id('B')]: 0 }), wait);
  expect(await client.get(at)).toMatchObject({ name: 'everything', space_ids: null, status: 'working' });
  await client.delete(at);
  expect((await client.call('GET', at)).status).toBe(404);
  expect((await client.get('/v1/webhooks')).total).toBe(0);
});

test('a name that leads to an address which is not public is not called', async () => {
  await using closed = await startService();
  const strict = httpClient(closed.httpUrl);
  const { port } = new URL(receiver.url);
  const { id: made } = await strict.post('/v1/webhooks', { url: `http://localhost:${port}/hook`, types: ['count'] });
  await strict.post(`/v1/webhooks/${made}/test`, {});
  const failing = async () => (await strict.get(`/v1/webhooks/${made}/deliveries?state=failing`)).results[0];
  await vi.waitFor(async () => expect(await failing()).toBeDefined(), wait);
  expect((await failing()).error).toMatch(/^(127\.0\.0\.1|::1) is not public; see FOOTFALL_WEBHOOK_NETWORKS$/);
  expect((await strict.call('POST', '/v1/webhooks', { url: receiver.url, types: ['count'] })).status).toBe(400);
  expect(receiver.done).toEqual([]);
});

test('the OpenAPI document has an example of every message, and it fits', () => {
  const types = [
    'count',
    'change',
    'threshold.crossed',
    'threshold.cleared',
    'webhook.disabled',
    'resync',
    'webhook.test',
  ];
  expect(Object.keys(document.webhooks).toSorted()).toEqual(types.toSorted());
  for (const [type, { post }] of Object.entries(document.webhooks)) {
    const example = post.requestBody.content['application/json']?.example as Omit<Received, 'id'>;
    expect([type, example.type, faultsOfMessage({ id: '', ...example })]).toEqual([type, type, []]);
  }
});
