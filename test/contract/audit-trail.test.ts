// What every audit trail promises, on each back-end: all that was appended, newest first, until it is too old or too much.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AUDIT_KEPT_MS, type AuditEntry, type AuditTrail } from '../../shared/storage/audit-trail.ts';
import { openRedisAuditTrail } from '../../shared/storage/influx-redis/audit-trail.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { openAuditTrail } from '../../shared/storage/sqlite/audit-trail.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';

type Backend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Empty the first time; the same afterwards. */
  open(place: string, entriesMax?: number): Promise<AuditTrail>;
};

let redis: Server | undefined;
const folders: string[] = [];

const BACKENDS: Backend[] = [
  {
    name: 'sqlite',
    missing: null,
    begin: async () => undefined,
    end: async () => {
      for (const folder of folders.splice(0)) removeDir(folder);
    },
    open: async (place, entriesMax) => openAuditTrail(place, entriesMax),
  },
  {
    name: 'redis',
    missing: whyNoRedis(),
    begin: async () => {
      redis = await startRedis();
    },
    end: async () => redis?.[Symbol.asyncDispose](),
    open: async (_, entriesMax) => {
      const connection = await connectRedis((redis as Server).url);
      return { ...openRedisAuditTrail(connection, entriesMax), close: async () => connection.disconnect() };
    },
  },
];

const NOW_MS = Date.now();
const entry = (number: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  atMs: NOW_MS + number,
  by: number % 2 === 0 ? 'even' : 'odd',
  operation: 'POST /v1/keys',
  thing: `/v1/keys/${number}`,
  outcome: 'done',
  status: 201,
  facts: null,
  detail: null,
  ...more,
});
const numbersOf = (results: readonly AuditEntry[]) => results.map(({ thing }) => Number(thing?.split('/').at(-1)));

describe.each(BACKENDS)('the audit trail on $name', ({ name, missing, begin, end, open }) => {
  if (missing !== null) {
    test.skip(`${name}: ${missing}`, () => undefined);
    return;
  }
  const trails: AuditTrail[] = [];
  const opened = async (place: string, entriesMax?: number) => {
    const trail = await open(place, entriesMax);
    trails.push(trail);
    return trail;
  };
  const empty = async (): Promise<string> => {
    if (name === 'redis') {
      const connection = await connectRedis((redis as Server).url);
      await connection.del(keys.auditTrail);
      connection.disconnect();
    }
    const folder = temporaryDir();
    folders.push(folder);
    return folder;
  };
  beforeAll(begin);
  afterEach(async () => {
    for (const trail of trails.splice(0)) await trail.close();
  });
  afterAll(end);

  test('what was appended is told whole and newest first, also by another process and after a restart', async () => {
    const place = await empty();
    const trail = await opened(place);
    expect(await trail.list({ limit: 10 })).toEqual({ next: null, results: [] });
    const whole = entry(2, {
      by: null,
      outcome: 'failed',
      status: null,
      facts: { first: 3, last: 9 },
      detail: '{"a":1}',
    });
    await trail.append(entry(1));
    await trail.append(whole);
    const { results, next } = await (await opened(place)).list({ limit: 10 });
    expect(next).toBeNull();
    expect(results).toMatchObject([whole, entry(1)]);
    expect(new Set(results.map(({ id }) => id)).size).toBe(2);
  });

  test('pages go on where the one before ended, whatever is appended meanwhile', async () => {
    const trail = await opened(await empty());
    for (let number = 1; number <= 25; number++) await trail.append(entry(number));
    const first = await trail.list({ limit: 10 });
    await trail.append(entry(26));
    const second = await trail.list({ limit: 10, cursor: String(first.next) });
    const third = await trail.list({ limit: 10, cursor: String(second.next) });
    expect([...first.results, ...second.results, ...third.results].map(({ id }) => id)).toHaveLength(25);
    expect(numbersOf(second.results)).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
    expect(numbersOf(third.results)).toEqual([5, 4, 3, 2, 1]);
    expect(third.next).toBeNull();
  });

  test('a time and a key choose, and pages of what is chosen are full', async () => {
    const trail = await opened(await empty());
    for (let number = 1; number <= 25; number++) await trail.append(entry(number));
    const query = { fromMs: NOW_MS + 5, untilMs: NOW_MS + 20, by: 'odd', limit: 5 };
    const page = await trail.list(query);
    expect(numbersOf(page.results)).toEqual([19, 17, 15, 13, 11]);
    const rest = await trail.list({ ...query, cursor: String(page.next) });
    expect([numbersOf(rest.results), rest.next]).toEqual([[9, 7, 5], null]);
    expect((await trail.list({ by: 'nobody', limit: 5 })).results).toEqual([]);
  });

  test('only so many are kept: the oldest go', async () => {
    const trail = await opened(await empty(), 10);
    for (let number = 1; number <= 30; number++) await trail.append(entry(number));
    expect(numbersOf((await trail.list({ limit: 100 })).results)).toEqual([30, 29, 28, 27, 26, 25, 24, 23, 22, 21]);
  });

  test('what is older than it is kept for goes with the next entry', async () => {
    const trail = await opened(await empty());
    if (name === 'sqlite') await trail.append(entry(1, { atMs: NOW_MS - AUDIT_KEPT_MS - 60_000 }));
    else {
      // The server numbers entries by its own clock.
      const connection = await connectRedis((redis as Server).url);
      await connection.xadd(keys.auditTrail, `${NOW_MS - AUDIT_KEPT_MS - 60_000}-0`, 'e', JSON.stringify(entry(1)));
      await connection.xadd(keys.auditTrail, `${NOW_MS - AUDIT_KEPT_MS + 60_000}-0`, 'e', JSON.stringify(entry(2)));
      connection.disconnect();
    }
    if (name === 'sqlite') await trail.append(entry(2, { atMs: NOW_MS - AUDIT_KEPT_MS + 60_000 }));
    await trail.append(entry(3));
    expect(numbersOf((await trail.list({ limit: 100 })).results)).toEqual([3, 2]);
  });
});
