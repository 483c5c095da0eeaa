// The settings without which Redis loses what it has acknowledged, each with what to set.
import type { Redis } from 'ioredis';
import { isTemporary } from './redis.ts';

/** The oldest version that all scripts run on. */
const VERSION_MIN = 7;

/** Of each setting the only value that keeps an acknowledged write through a crash and a power loss. */
const SETTINGS = [
  { name: 'appendonly', value: 'yes', why: 'nothing would be on the disk' },
  { name: 'appendfsync', value: 'always', why: 'the last second would be lost with the power' },
  { name: 'no-appendfsync-on-rewrite', value: 'no', why: 'nothing would be synced while the file is rewritten' },
  { name: 'maxmemory-policy', value: 'noeviction', why: 'acknowledged events would be evicted' },
] as const;

/** What is wrong with this server, a sentence each; none: an acknowledged write survives power loss. */
export async function checkSettings(redis: Redis): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, value, why } of SETTINGS) {
    const found = await settingOf(redis, name);
    if (found === value) continue;
    const is = found === null ? 'cannot be read (CONFIG GET is refused)' : `is ${found}`;
    faults.push(`${name} ${is}, and ${why}; set ${name} ${value}`);
  }
  const info = await redis.info();
  const about = (field: string) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = about('redis_version');
  if (Number.parseInt(version, 10) < VERSION_MIN)
    faults.push(`version ${version} is too old; use ${VERSION_MIN} or newer`);
  if (about('role') !== 'master') faults.push(`it is a ${about('role')}; use the address of the primary`);
  if (about('aof_enabled') === '1' && about('aof_last_write_status') !== 'ok') {
    faults.push('its last write to the append-only file failed; see its log and free space on its disk');
  }
  return faults;
}

async function settingOf(redis: Redis, name: string): Promise<string | null> {
  try {
    const [, value] = (await redis.config('GET', name)) as string[];
    return value ?? null;
  } catch (error) {
    if (isTemporary(error)) throw error;
    return null;
  }
}
