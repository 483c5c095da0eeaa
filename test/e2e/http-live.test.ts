// The live stream: counts and changes as they come, over SSE and WebSocket; after a break every state is the service's.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, httpClient } from '../support/http.ts';
import { openStream, type Stream } from '../support/live-stream.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let prefix: string;
let prefixes = 0;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());
beforeEach(() => {
  prefix = `t${++prefixes}`;
});

const id = (name: string): string => `${prefix}-${name}`;

async function building(): Promise<void> {
  for (const name of ['A', 'B']) {
    await client.post('/v1/spaces', { id: id(name) });
    await client.post('/v1/doorways', { id: id(`door-${name}`), a: id(name), b: null });
    await client.post('/v1/dpus', { id: id(`dpu-${name}`) });
    await client.post(`/v1/dpus/${id(`dpu-${name}`)}/placements`, { doorway_id: id(`door-${name}`), facing: 'a' });
  }
}

let stamps = Date.UTC(2026, 2, 1);
const stamp = (): number => {
  stamps += 1;
  return stamps;
};
const send = (name: string, direction: 1 | -1, timestamp = stamp()) =>
  client.post(`/v1/dpus/${id(`dpu-${name}`)}/events`, { timestamp, direction });

const open = (query = '', after?: string): Promise<Stream> => openStream(service.httpUrl, query, after);
const ours = () => `?space_ids=${id('A')},${id('B')}`;

/** The newest count of each space that the stream told. */
const held = (stream: Stream) =>
  Object.fromEntries(
    stream.messages.filter(({ type }) => type === 'count').map(({ space_id, count }) => [space_id, count]),
  );

function expectIncreasing(stream: Stream): void {
  const ids = stream.messages.map((message) => message.id);
  expect(ids.map(Number.parseFloat)).toEqual(
    [...new Set(ids.map(Number.parseFloat))].sort((one, other) => one - other),
  );
}

test('a reader is told the counts of now, then each change and the count that it makes', async () => {
  await building();
  const stream = await open(ours());
  await expect.poll(() => held(stream)).toEqual({ [id('A')]: 0, [id('B')]: 0 });
  await send('A', 1);
  await expect.poll(() => held(stream)).toEqual({ [id('A')]: 1, [id('B')]: 0 });
  const change = stream.messages.find(({ type }) => type === 'change');
  expect(change).toMatchObject({ space_id: id('A'), change: 1, until: null, cause: { kind: 'late_event' } });
  const told = stream.messages.at(-1);
  expect(told).toMatchObject({ type: 'count', occupancy: 1, status: expect.stringMatching(/^(settled|provisional)$/) });
  expect(told?.revision).toBe((await client.get(`/v1/spaces/${id('A')}/count`)).revision);
  expectIncreasing(stream);
  stream.close();
});

test('a filter lets through what it names', async () => {
  await building();
  const stream = await open(`?space_ids=${id('B')}`);
  await send('A', 1);
  await send('B', 1);
  await expect.poll(() => held(stream)).toEqual({ [id('B')]: 1 });
  expect(new Set(stream.messages.map(({ space_id }) => space_id))).toEqual(new Set([id('B')]));
  stream.close();
});

test('a reader that comes back is told every change of the meantime once, and holds the state of the service', async () => {
  await building();
  const seen: string[] = [];
  let last: string | undefined;
  let sent = 0;
  for (let round = 0; round < 20; round++) {
    const stream = await open(ours(), last);
    await send('A', 1);
    await send(round % 2 === 0 ? 'B' : 'A', 1);
    sent += 2;
    // Cut somewhere in between: at once, after one message, when all is there.
    if (round % 3 > 0) await expect.poll(() => stream.messages.length).toBeGreaterThan(round % 3);
    stream.close();
    expectIncreasing(stream);
    if (last !== undefined && stream.messages.length > 0) {
      expect(Number.parseFloat(String(stream.messages[0]?.id))).toBeGreaterThan(Number.parseFloat(last));
    }
    for (const message of stream.messages)
      if (message.type === 'change') seen.push(`${message.space_id} ${message.from}`);
    last = stream.messages.at(-1)?.id ?? last;
  }
  const stream = await open(ours(), last);
  const counts = async () => {
    const { results } = await client.get(`/v1/spaces/counts${ours()}`);
    return Object.fromEntries(results.map((one: { space_id: string; count: number }) => [one.space_id, one.count]));
  };
  // What was sent is accepted, and perhaps not counted yet: all is there once every change has been told.
  const changes = () => stream.messages.filter(({ type }) => type === 'change');
  await expect.poll(() => seen.length + changes().length, { timeout: 10_000 }).toBe(sent);
  const now = await counts();
  await expect.poll(() => held(stream)).toEqual(now);
  for (const message of changes()) seen.push(`${message.space_id} ${message.from}`);
  stream.close();
  expect(seen.length).toBe(sent);
  expect(new Set(seen).size).toBe(sent);
});

test('an event ahead of the clock reaches the stream when it is due', async () => {
  await building();
  const stream = await open(ours());
  await send('A', 1, Date.now() + 1_500);
  await expect.poll(() => stream.messages.some(({ type }) => type === 'change')).toBe(true);
  expect(held(stream)[id('A')]).toBe(0);
  await expect.poll(() => held(stream)[id('A')], { timeout: 10_000 }).toBe(1);
  stream.close();
});

test('a WebSocket carries the same messages', async () => {
  await building();
  const socket = new WebSocket(`${service.httpUrl.replace('http', 'ws')}/v1/live${ours()}`);
  const messages: { type: string; space_id: string; count?: number }[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  await once(socket, 'open');
  await send('B', -1);
  await expect
    .poll(() => messages.findLast(({ space_id, type }) => type === 'count' && space_id === id('B'))?.count)
    .toBe(-1);
  expect(messages.some(({ type }) => type === 'change')).toBe(true);
  socket.close();
  await once(socket, 'close');
});

test('HEAD is answered at once, and the connection takes the next request', async () => {
  const socket = connect({ port: Number(new URL(service.httpUrl).port), host: '127.0.0.1' });
  for (const request of ['HEAD /v1/live', 'GET /healthz'])
    socket.write(`${request} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  let answers = '';
  socket.on('data', (data) => {
    answers += data;
  });
  await expect.poll(() => answers.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(2);
  expect(answers).toContain('content-type: text/event-stream');
  socket.destroy();
});

test('what is no id of a message is refused', async () => {
  const asked = await client.call('GET', '/v1/live', undefined, { 'last-event-id': 'x' });
  expect([asked.status, asked.body.code]).toEqual([400, 'invalid_cursor']);
});
