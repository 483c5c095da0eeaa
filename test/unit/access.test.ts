// Access on a real store with a clock that the test sets: who is let in, how soon that ends, and when nobody is asked.
import { afterEach, expect, test } from 'vitest';
import { Access, type CredentialName } from '../../shared/access.ts';
import { type KeyCredential, newKey, newSecret } from '../../shared/credential.ts';
import { openCredentials } from '../../shared/storage/sqlite/credentials.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const WISH = { name: '', scopes: ['manage'], expiresAtMs: null } as const;
const closing: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function opened({ adminKey = null, isLoopback = true }: { adminKey?: string | null; isLoopback?: boolean } = {}) {
  const store = openCredentials(temporaryDir());
  const time = { nowMs: 1_000 };
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs };
  const asked = { finds: 0 };
  const counted = {
    ...store,
    find: (...named: Parameters<typeof store.find>) => {
      asked.finds += 1;
      return store.find(...named);
    },
  };
  const access = new Access({ store: counted, clock, adminKey, isLoopback });
  closing.push(() => access.close(), store.close);
  return { access, store, time, asked };
}

test('it is open on loopback until the first credential, and never again, revoked or not', async () => {
  const { access, time } = opened();
  expect(await access.isOpen()).toBe(true);
  const { credential } = newKey(WISH, 0);
  await access.put(credential);
  expect(await access.isOpen()).toBe(false);
  await access.put({ ...credential, revokedAtMs: 1 });
  time.nowMs += 10_000;
  expect([await access.isOpen(), access.staysOpen, await access.hasCredentials()]).toEqual([false, false, true]);
});

test('it is never open with an admin key, or where others can reach it', async () => {
  expect(await opened({ adminKey: ADMIN_KEY }).access.isOpen()).toBe(false);
  const exposed = opened({ isLoopback: false }).access;
  expect([await exposed.isOpen(), await exposed.hasCredentials()]).toEqual([false, false]);
});

test('the admin key has all scopes and is in no store', async () => {
  const { access, store } = opened({ adminKey: ADMIN_KEY });
  expect((await access.authenticateKey(ADMIN_KEY))?.scopes).toEqual(new Set(['read', 'ingest', 'manage', 'admin']));
  expect(await access.authenticateKey(`${ADMIN_KEY}x`)).toBe(null);
  expect(await store.newest()).toBe(0);
});

test('a key is found once, and not asked for again while nothing changes', async () => {
  const { access, asked, time } = opened();
  const { text, credential } = newKey(WISH, 0);
  await access.put(credential);
  for (let round = 0; round < 5; round++) {
    expect(await access.authenticateKey(text)).toMatchObject({ id: credential.id });
    time.nowMs += 1_000;
  }
  expect(asked.finds).toBe(1);
});

test('what another process revokes or replaces stops working within a second', async () => {
  const { access, store, time } = opened();
  const { text, credential } = newKey(WISH, 0);
  const old = newSecret('423', 0);
  await access.put(credential);
  await access.put(old.credential);
  expect(await access.authenticateKey(text)).not.toBe(null);
  expect(await access.authenticateDpu('423', old.text)).not.toBe(null);
  const revoked: KeyCredential = { ...credential, revokedAtMs: 1 };
  const replaced = newSecret('423', 0);
  await store.put(revoked);
  await store.put(replaced.credential);
  time.nowMs += 1_000;
  expect(await access.authenticateKey(text)).toBe(null);
  expect(await access.authenticateDpu('423', old.text)).toBe(null);
  expect(await access.authenticateDpu('423', replaced.text)).not.toBe(null);
});

test('a key expires by the clock, without any change', async () => {
  const { access, time } = opened();
  const { text, credential } = newKey({ ...WISH, expiresAtMs: 2_000 }, 0);
  await access.put(credential);
  expect(await access.authenticateKey(text)).toMatchObject({ expiresAtMs: 2_000 });
  time.nowMs = 2_000;
  expect(await access.authenticateKey(text)).toBe(null);
});

test('a key that is unknown, or a secret for another DPU, opens nothing', async () => {
  const { access } = opened();
  const { text, credential } = newSecret('423', 0);
  await access.put(credential);
  expect(await access.authenticateKey(newKey(WISH, 0).text)).toBe(null);
  expect(await access.authenticateDpu('283', text)).toBe(null);
  expect(await access.authenticateKey(text)).toBe(null);
});

test('those who watch are told what changed, until they no longer want to', async () => {
  const { access } = opened();
  const told: CredentialName[] = [];
  const unwatch = access.watch((changed) => told.push(...changed));
  const { credential } = newSecret('423', 0);
  await access.isOpen();
  await access.put(credential);
  expect(told).toEqual(['dpu:423']);
  unwatch();
  await access.put(credential);
  expect(told).toEqual(['dpu:423']);
});

test('many who ask at once share one look at the store', async () => {
  const { access, store, time } = opened();
  const { text, credential } = newKey(WISH, 0);
  await access.put(credential);
  await access.authenticateKey(text);
  time.nowMs += 1_000;
  let looks = 0;
  const { changes } = store;
  const counting = new Access({
    store: { ...store, changes: (after) => changes(after).finally(() => (looks += 1)) },
    clock: { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs },
    adminKey: null,
    isLoopback: true,
  });
  await Promise.all(Array.from({ length: 100 }, () => counting.authenticateKey(text)));
  expect(looks).toBe(1);
});
