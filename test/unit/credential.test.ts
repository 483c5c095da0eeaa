// Keys and secrets: their form, that only their holder has them, and which scope comes with which.
import { expect, test } from 'vitest';
import {
  hasHash,
  idOfKey,
  impliedScopes,
  isGood,
  isTextOf,
  type KeyCredential,
  newKey,
  newSecret,
  SCOPES,
  sha256,
} from '../../shared/credential.ts';

const WISH = { name: 'gate', scopes: ['read'], expiresAtMs: null } as const;

test('a key carries its id and 128 random bits, and what is kept of it does not give it away', () => {
  const { text, credential } = newKey(WISH, 5);
  expect(text).toMatch(/^ff_[0-9a-f]{12}_[0-9a-f]{32}_[0-9a-f]{8}$/);
  expect(idOfKey(text)).toBe(credential.id);
  expect(JSON.stringify(credential)).not.toContain(text.split('_')[2]);
  expect(isTextOf(credential, text)).toBe(true);
  expect(isTextOf(credential, newKey(WISH, 5).text)).toBe(false);
});

test('every slip in one character of a key is noticed before the store is asked', () => {
  const { text } = newKey(WISH, 5);
  for (let at = 0; at < text.length; at++) {
    const slip = text[at] === '0' ? '1' : '0';
    expect(idOfKey(text.slice(0, at) + slip + text.slice(at + 1))).toBe(null);
  }
  for (const other of ['', 'ff_', text.toUpperCase(), ` ${text}`, `${text}0`]) expect(idOfKey(other)).toBe(null);
});

test('secrets are salted, so that equal ones would not show, and fit one DPU', () => {
  const { text, credential } = newSecret('423', 5);
  expect(text).toMatch(/^ffd_[0-9a-f]{32}$/);
  expect(credential).toMatchObject({ kind: 'dpu', id: '423' });
  expect(isTextOf(credential, text)).toBe(true);
  expect(isTextOf({ ...credential, salt: '00' }, text)).toBe(false);
  expect(isTextOf(newSecret('423', 5).credential, text)).toBe(false);
});

test('a hash is that of one text only, whatever the lengths of others', () => {
  expect(hasHash(sha256('abc'), 'abc')).toBe(true);
  for (const other of ['', 'ab', 'abd', 'abcd']) expect(hasHash(sha256('abc'), other)).toBe(false);
});

test.each([
  [['read'], ['read']],
  [['ingest'], ['ingest']],
  [['manage'], ['manage', 'read']],
  [
    ['ingest', 'manage'],
    ['ingest', 'manage', 'read'],
  ],
  [['admin'], SCOPES],
] as const)('scopes %j come to %j', (scopes, all) => {
  expect([...impliedScopes(scopes)].toSorted()).toEqual([...all].toSorted());
});

test.each([
  [{}, true],
  [{ expiresAtMs: 11 }, true],
  [{ expiresAtMs: 10 }, false],
  [{ revokedAtMs: 10 }, false],
  [{ revokedAtMs: 3, expiresAtMs: 99 }, false],
])('at 10, a key with %j is good: %j', (fields, good) => {
  const credential: KeyCredential = { ...newKey(WISH, 1).credential, ...fields };
  expect(isGood(credential, 10)).toBe(good);
});
