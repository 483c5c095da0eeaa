// The credential store on Redis: a hash of JSON, and the order in which its fields were last put.
import type { Redis } from 'ioredis';
import type { Credential, CredentialKind, KeyCredential } from '../../credential.ts';
import { CREDENTIAL_CHANGES_MAX, type CredentialStore } from '../credentials.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** Fields that one HSCAN looks at. */
const SCAN_COUNT = 1_000;

/** `redis` stays open: whoever made the connection closes it. */
export function openRedisCredentials(redis: Redis): CredentialStore {
  return {
    put: async (...credentials) => {
      const names = [keys.credentials, keys.credentialChanges];
      const put = (credential: Credential) =>
        runScript(redis, 'credential-put', names, [fieldOf(credential), JSON.stringify(credential)]);
      await temporarily(() => Promise.all(credentials.map(put)));
    },
    find: async (kind, id) => {
      const text = await temporarily(() => redis.hget(keys.credentials, fieldOf({ kind, id })));
      return text === null ? null : (JSON.parse(text) as Credential);
    },
    keys: async () => {
      const found = await temporarily(() => scanKeys(redis));
      return found.sort((one, other) => one.createdAtMs - other.createdAtMs || (one.id < other.id ? -1 : 1));
    },
    newest: async () => {
      const [, revision] = await temporarily(() => redis.zrevrange(keys.credentialChanges, 0, 0, 'WITHSCORES'));
      return Number(revision ?? 0);
    },
    changes: async (after) => {
      const range = [`(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, CREDENTIAL_CHANGES_MAX] as const;
      const pairs = await temporarily(() => redis.zrangebyscore(keys.credentialChanges, ...range));
      return Array.from({ length: pairs.length / 2 }, (_, index) => {
        const field = String(pairs[2 * index]);
        const colon = field.indexOf(':');
        const kind = field.slice(0, colon) as CredentialKind;
        return { revision: Number(pairs[2 * index + 1]), kind, id: field.slice(colon + 1) };
      });
    },
    close: async () => undefined,
  };
}

function fieldOf({ kind, id }: { readonly kind: CredentialKind; readonly id: string }): string {
  return `${kind}:${id}`;
}

/** In steps, because DPUs' secrets lie there too, and one long call would hold up every acknowledgement. */
async function scanKeys(redis: Redis): Promise<KeyCredential[]> {
  const found = new Map<string, KeyCredential>();
  let cursor = '0';
  do {
    const [next, pairs] = await redis.hscan(keys.credentials, cursor, 'MATCH', 'key:*', 'COUNT', SCAN_COUNT);
    for (let at = 0; at < pairs.length; at += 2) {
      found.set(String(pairs[at]), JSON.parse(String(pairs[at + 1])) as KeyCredential);
    }
    cursor = next;
  } while (cursor !== '0');
  return [...found.values()];
}
