// Credentials in a store that no service holds: the first key is made so.
import { systemClock } from './clock.ts';
import { CommandFailure } from './commands/command.ts';
import type { OfflineCredentials } from './commands/key-commands.ts';
import { endOnFatal } from './core.ts';
import { configure, lockOrNull } from './service-configuration.ts';
import { entryOfCommand } from './storage/audit-trail.ts';
import type { CredentialStore } from './storage/credentials.ts';
import { openStorage } from './storage/open.ts';

/** Null when a service holds the data directory. */
export const withCredentials: OfflineCredentials = async (work) => {
  const { config, log } = configure();
  const release = config.storage === 'embedded' ? lockOrNull(config, 0) : () => undefined;
  if (release === null) return null;
  const storage = await openStorage(config, endOnFatal(log)).catch((error: Error) => {
    throw new CommandFailure(`the credentials cannot be opened: ${error.message}`);
  });
  try {
    const nowMs = systemClock.nowMs();
    const put: CredentialStore['put'] = async (...credentials) => {
      await storage.credentials.put(...credentials);
      for (const { kind, id, revokedAtMs } of credentials) {
        const did = `${kind} ${(revokedAtMs ?? null) === null ? 'create' : 'revoke'}`;
        await storage.audit.append(entryOfCommand(did, kind === 'key' ? `/v1/keys/${id}` : `/v1/dpus/${id}`, nowMs));
      }
    };
    return { result: await work({ ...storage.credentials, put }, nowMs) };
  } finally {
    await storage.close();
    release();
  }
};
