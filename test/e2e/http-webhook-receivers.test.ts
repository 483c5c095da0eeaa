// Receivers that fail, hang, redirect, answer late, break the connection or are gone: every message is delivered once or
// more, in order per space, and one that never answers is given up after a day and can be taken up again.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FAILING_MS_MAX } from '../../api/webhooks/retrying.ts';
import type { Delivery, Webhook } from '../../shared/webhook.ts';
import { type Delivering, startDeliveringTo } from '../support/delivering.ts';
import { type Behaviour, type Receiver, startReceiver } from '../support/receiver.ts';

const HOUR_MS = 3_600_000;
const wait = { timeout: 25_000, interval: 20 };

let delivering: Delivering;
let receiver: Receiver;
let webhooks: Webhook[];

beforeAll(async () => {
  delivering = await startDeliveringTo(['A', 'B']);
});
afterAll(() => delivering[Symbol.asyncDispose]());
beforeEach(async () => {
  receiver = await startReceiver();
  webhooks = [];
  delivering.aheadMs = 0;
  return async () => {
    for (const { id } of webhooks) await delivering.store.putWebhook(id, null);
    await receiver[Symbol.asyncDispose]();
  };
});

async function webhook(over: Partial<Webhook> = {}, cursor?: string): Promise<Webhook> {
  const made = await delivering.webhook(receiver.url, over, cursor);
  webhooks.push(made);
  receiver.secrets = made.secrets.map(({ text }) => text);
  return made;
}

const entries = () => receiver.ofType('change').flatMap(({ data }) => data.results);
const progressOf = async ({ id }: Webhook) =>
  (await delivering.store.webhooks()).find((record) => record.webhook.id === id)?.progress;

/** Each of so many entries that the feed holds since `cursor`, those of each space in the order in which they came first. */
async function expectAll(cursor: string, crossings: number): Promise<void> {
  await vi.waitFor(async () => {
    const page = await delivering.history.changes(cursor, null, 5000);
    if (typeof page === 'string') throw new Error(page);
    const happened = page.results.map(({ spaceId, fromMs }) => `${spaceId} ${new Date(fromMs).toISOString()}`);
    expect(happened.length).toBe(crossings);
    const told = [...new Set(entries().map(({ space_id, from }) => `${space_id} ${from}`))];
    const bySpace = (entries: readonly string[]) => Map.groupBy(entries, (entry) => entry.split(' ')[0]);
    expect(bySpace(told)).toEqual(bySpace(happened));
  }, wait);
  expect(receiver.faults).toEqual([]);
}

test.each<Behaviour>([
  'fail',
  'hang',
  'late',
  'redirect',
  'reset',
])('a receiver that does %s gets it again, and all in order', async (bad) => {
  const cursor = await delivering.history.newestChange();
  // Every other request goes wrong.
  receiver.behave = () => (receiver.done.length % 2 === 0 ? bad : 'take');
  await webhook();
  for (let round = 0; round < 3; round++) {
    await delivering.cross('A', 1);
    await delivering.cross('B', round === 1 ? -1 : 1);
    await vi.waitFor(() => expect(receiver.taken.length).toBeGreaterThan(round), wait);
  }
  await expectAll(cursor, 6);
  expect(receiver.done.filter((done) => done === bad).length).toBeGreaterThan(0);
  // The same message again has the id that it had.
  const ids = receiver.headers.map((headers) => headers['webhook-id']);
  expect(ids.length).toBeGreaterThan(new Set(ids).size);
});

test('what one receiver does holds up no other', async () => {
  receiver.behave = () => 'hang';
  await webhook();
  await using other = await startReceiver();
  webhooks.push(await delivering.webhook(other.url));
  await delivering.cross('A', 1);
  await vi.waitFor(() => expect(other.ofType('change').length).toBe(1), wait);
  expect(receiver.taken).toEqual([]);
});

test('a receiver that was away for half a day gets every change, and little was kept for it meanwhile', async () => {
  const cursor = await delivering.history.newestChange();
  receiver.behave = () => 'fail';
  const { id } = await webhook({ types: ['change', 'count'] });
  // The reference library takes no message of another time of day.
  receiver.secrets = [];
  for (let crossing = 0; crossing < 1_200; crossing++) void delivering.cross(crossing % 3 === 0 ? 'B' : 'A', 1);
  await delivering.cross('A', -1);
  for (let hour = 0; hour < 12; hour++) {
    const before = receiver.done.length;
    delivering.aheadMs += HOUR_MS;
    // Four hours at most lie between two attempts.
    if (hour % 6 === 5) await vi.waitFor(() => expect(receiver.done.length).toBeGreaterThan(before), wait);
  }
  expect((await delivering.store.deliveries(id)).length).toBeLessThan(20);
  receiver.behave = () => 'take';
  delivering.aheadMs += 6 * HOUR_MS;
  await expectAll(cursor, 1_201);
});

test('after a day of failures it is disabled with a notice; enabled again it goes on where it stopped', async () => {
  const cursor = await delivering.history.newestChange();
  receiver.behave = () => 'fail';
  await using watcher = await startReceiver();
  webhooks.push(await delivering.webhook(watcher.url, { types: ['webhook.disabled'] }));
  const made = await webhook();
  receiver.secrets = [];
  // The clock moves on when an attempt is in the log: its failure has a time of day by then.
  const expectAttempts = (attempts: number) =>
    vi.waitFor(async () => {
      const kept = await delivering.store.delivery(made.id, 'next');
      expect(kept?.delivery.attempts).toBeGreaterThanOrEqual(attempts);
    }, wait);
  await delivering.cross('A', 1);
  await expectAttempts(1);
  delivering.aheadMs = FAILING_MS_MAX - 60_000;
  await expectAttempts(2);
  expect((await progressOf(made))?.disabled).toBe(null);
  delivering.aheadMs = FAILING_MS_MAX;
  await vi.waitFor(async () => expect((await progressOf(made))?.disabled).not.toBe(null), wait);
  expect((await progressOf(made))?.disabled?.reason).toBe('it failed for a day; at last: it answered 500');
  await vi.waitFor(() => expect(watcher.ofType('webhook.disabled').length).toBe(1), wait);
  expect(watcher.taken[0]?.data).toMatchObject({ webhook_id: made.id, reason: expect.stringContaining('500') });
  // Nothing more is tried, whatever happens and however long it takes.
  const tried = receiver.done.length;
  await delivering.restart();
  await delivering.cross('A', 1);
  delivering.aheadMs += 48 * HOUR_MS;
  receiver.behave = () => 'take';
  await vi.waitFor(() => expect(watcher.done.length).toBeGreaterThan(0), wait);
  expect(receiver.done.length).toBe(tried);
  await delivering.change({ ...made, revision: made.revision + 1 });
  await expectAll(cursor, 2);
});

test('a receiver that asks for patience gets it', async () => {
  receiver.behave = () => (receiver.done.length === 0 ? 'busy' : 'take');
  const { id } = await webhook();
  await delivering.cross('A', 1);
  await vi.waitFor(async () => expect((await delivering.store.delivery(id, 'next'))?.delivery.attempts).toBe(1), wait);
  const { nextAttemptAtMs, lastAttemptAtMs } = (await delivering.store.delivery(id, 1))?.delivery as Delivery;
  expect((nextAttemptAtMs ?? 0) - (lastAttemptAtMs ?? 0)).toBeGreaterThan(HOUR_MS - 1_000);
  receiver.secrets = [];
  delivering.aheadMs = HOUR_MS;
  await vi.waitFor(() => expect(receiver.taken.length).toBe(1), wait);
});

test('a receiver that says 410 is disabled at once', async () => {
  receiver.behave = () => 'gone';
  const made = await webhook();
  await delivering.cross('A', 1);
  await vi.waitFor(async () => expect((await progressOf(made))?.disabled).not.toBe(null), wait);
  expect((await progressOf(made))?.disabled?.reason).toBe('it answered 410: it is gone');
  expect(receiver.done).toEqual(['gone']);
});

test('a place that is no longer kept becomes a resync, and the counts of now', async () => {
  await webhook({ types: ['change', 'count'] }, '999999999999');
  await vi.waitFor(() => expect(receiver.taken.map(({ type }) => type)).toEqual(['resync', 'count']), wait);
  expect(receiver.taken[1]?.data.results.map(({ space_id }: { space_id: string }) => space_id)).toEqual(['A', 'B']);
  await delivering.cross('A', 1);
  await vi.waitFor(() => expect(entries().length).toBe(1), wait);
});

test('messages carry a signature by each secret that is good', async () => {
  const made = await webhook({ secrets: [] });
  const texts = ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'C2FVsBQIhrscChlQIMV+b5sSYspob7oD'].map((text) => `whsec_${text}`);
  const [newest = '', former = ''] = texts;
  const untilMs = Date.now() + HOUR_MS;
  await delivering.change({
    ...made,
    secrets: [
      { text: newest, untilMs: null },
      { text: former, untilMs },
    ],
  });
  receiver.secrets = texts;
  await delivering.cross('A', 1);
  await vi.waitFor(() => expect(entries().length).toBe(1), wait);
  expect(receiver.faults).toEqual([]);
  receiver.secrets = [];
  delivering.aheadMs = 2 * HOUR_MS;
  await delivering.cross('A', 1);
  await vi.waitFor(() => expect(entries().length).toBe(2), wait);
  const signatures = receiver.headers.map((headers) => headers['webhook-signature']?.split(' ').length);
  expect(signatures).toEqual([2, 1]);
});
