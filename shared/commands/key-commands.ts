// `key create`, `key list` and `key revoke`: who may use the service.
//
// With --url the running service is asked. Without it the store is opened directly when no service holds it, which is how
// the first key is made; when one does, that one is asked at the standard address.
import { type KeyCredential, newKey, SCOPES, type Scope } from '../credential.ts';
import { isId, type SpaceId } from '../ids.ts';
import type { CredentialStore } from '../storage/credentials.ts';
import { formatTimestamp, parseTimestampMs } from '../timestamp.ts';
import { apiClient } from './api-client.ts';
import { type Command, CommandFailure, command, type Option, WrongUse } from './command.ts';
import { DEFAULT_URL, keyOption, parseHttpUrl, parseInstant } from './options.ts';

/** Hands the store itself to `work`; null when a running service holds it. */
export type OfflineCredentials = <Result>(
  work: (store: Omit<CredentialStore, 'close'>, nowMs: number) => Promise<Result>,
) => Promise<{ readonly result: Result } | null>;

type Listed = {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly root_space_id: string | null;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
};
type Made = Listed & { readonly key: string };

const urlOption = {
  value: 'url',
  description: `a running service (default: the store itself, or ${DEFAULT_URL} when a service runs on it)`,
  parse: parseHttpUrl,
} satisfies Option<string>;

const PAGE = '/v1/keys?page_size=5000';

/** `offline` is handed in because only the entry point opens storage. */
export function keyCommands(offline: OfflineCredentials): Command[] {
  return [createCommand(offline), listCommand(offline), revokeCommand(offline)];
}

function createCommand(offline: OfflineCredentials): Command {
  return command({
    name: 'key create',
    argument: null,
    summary: 'make a key and print it, this once',
    options: {
      scope: {
        value: 'scopes',
        description: `one or more of ${SCOPES.join(', ')}, separated by commas; admin includes all, manage includes read`,
        parse: parseScopes,
        standard: ['read'] as readonly Scope[],
      },
      name: { value: 'text', description: 'for those who read the list', parse: (text: string) => text, standard: '' },
      rootSpace: {
        value: 'space',
        description: 'it sees and changes only this space and those below it (default: everything)',
        parse: parseSpace,
      },
      suppressBelow: {
        value: 'number',
        description: 'counts from 1 to below this are kept from it; only with the scope read alone',
        parse: parseBelow,
      },
      expires: { value: 'time', description: 'from then on it is good for nothing', parse: parseInstant },
      url: urlOption,
      key: keyOption,
    },
    run: async (_, { scope: scopes, name, rootSpace, suppressBelow: below, expires, url, key }, terminal) => {
      const rootSpaceId = rootSpace ?? null;
      if (rootSpaceId !== null && scopes.includes('admin')) {
        throw new WrongUse('A key with --root-space cannot have the scope admin, which is for the whole building.');
      }
      const suppressBelow = below ?? null;
      if (suppressBelow !== null && scopes.some((scope) => scope !== 'read')) {
        throw new WrongUse('--suppress-below is for keys that have the scope read alone.');
      }
      const expiresAtMs = expires === undefined ? null : (parseTimestampMs(expires) ?? null);
      const make = async (store: Omit<CredentialStore, 'close'>, nowMs: number): Promise<Made> => {
        if (expiresAtMs !== null && expiresAtMs <= nowMs) throw new CommandFailure('--expires must be in the future');
        const { text, credential } = newKey({ name, scopes, expiresAtMs, rootSpaceId, suppressBelow }, nowMs);
        await store.put(credential);
        return { ...listed(credential), key: text };
      };
      const body = {
        name,
        scopes,
        expires_at: expires ?? null,
        root_space_id: rootSpaceId,
        suppress_below: suppressBelow,
      };
      const made = await either(offline, url, make, (at) => apiClient(at, key).call<Made>('POST', '/v1/keys', body));
      terminal.print(made.key);
      if (terminal.interactive) terminal.complain(`key ${made.id} (${made.scopes.join(', ')}): it is not shown again`);
      return 0;
    },
  });
}

function listCommand(offline: OfflineCredentials): Command {
  return command({
    name: 'key list',
    argument: null,
    summary: 'list keys, revoked and expired ones too',
    options: { url: urlOption, key: keyOption },
    run: async (_, { url, key }, terminal) => {
      const read = async (store: Omit<CredentialStore, 'close'>) => (await store.keys()).map(listed);
      const keys = await either(offline, url, read, (at) => allKeys(at, key));
      for (const { id, name, scopes, root_space_id, expires_at, revoked_at } of keys) {
        const within = root_space_id === null ? '' : `within ${root_space_id}`;
        const end = revoked_at !== null ? `revoked ${revoked_at}` : expires_at !== null ? `expires ${expires_at}` : '';
        terminal.print([id, scopes.join(','), within, name, end].filter((part) => part !== '').join('  '));
      }
      return 0;
    },
  });
}

function revokeCommand(offline: OfflineCredentials): Command {
  return command({
    name: 'key revoke',
    argument: { name: 'id', description: 'as `key list` shows it' },
    summary: 'revoke a key: within a second it works nowhere',
    options: { url: urlOption, key: keyOption },
    run: async (id, { url, key }, terminal) => {
      const revoke = async (store: Omit<CredentialStore, 'close'>, nowMs: number): Promise<void> => {
        const found = await store.find('key', id);
        if (found?.kind !== 'key') throw new CommandFailure(`there is no key ${id}; \`key list\` shows them`);
        if (found.revokedAtMs === null) await store.put({ ...found, revokedAtMs: nowMs });
      };
      const path = `/v1/keys/${encodeURIComponent(id)}`;
      await either(offline, url, revoke, (at) => apiClient(at, key).call<void>('DELETE', path));
      terminal.print(`revoked ${id}`);
      return 0;
    },
  });
}

/** Does it on the store, or asks the service that holds it. */
async function either<Result>(
  offline: OfflineCredentials,
  url: string | undefined,
  here: (store: Omit<CredentialStore, 'close'>, nowMs: number) => Promise<Result>,
  there: (url: string) => Promise<Result>,
): Promise<Result> {
  if (url !== undefined) return there(url);
  const done = await offline(here);
  if (done !== null) return done.result;
  return there(DEFAULT_URL).catch((error: Error) => {
    throw new CommandFailure(`a service runs on the data directory, so it must be asked: ${error.message}`);
  });
}

async function allKeys(url: string, key: string | undefined): Promise<Listed[]> {
  type Page = { readonly next: string | null; readonly results: readonly Listed[] };
  const client = apiClient(url, key);
  const keys: Listed[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const rest: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await client.call<Page>('GET', PAGE + rest);
    keys.push(...page.results);
    cursor = page.next;
  }
  return keys;
}

function listed({ id, name, scopes, rootSpaceId = null, expiresAtMs, revokedAtMs }: KeyCredential): Listed {
  const expires_at = expiresAtMs === null ? null : formatTimestamp(expiresAtMs);
  const revoked_at = revokedAtMs === null ? null : formatTimestamp(revokedAtMs);
  return { id, name, scopes, root_space_id: rootSpaceId, expires_at, revoked_at };
}

function parseSpace(text: string): SpaceId {
  if (!isId(text)) throw new WrongUse('A space is named by its id.');
  return text as SpaceId;
}

function parseBelow(text: string): number {
  const below = Number(text);
  if (!Number.isInteger(below) || below < 2 || below > 1000) throw new WrongUse('Give a whole number from 2 to 1000.');
  return below;
}

function parseScopes(text: string): readonly Scope[] {
  const named = [...new Set(text.split(',').map((one) => one.trim()))];
  const scopes = SCOPES.filter((scope) => named.includes(scope));
  if (scopes.length !== named.length) throw new WrongUse(`Scopes are ${SCOPES.join(', ')}, separated by commas.`);
  return scopes;
}
