// The Lua scripts: one file in lua/ for each atomic operation, sent by its hash and in full only to a server that does not know it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { FencedError } from '../fenced.ts';

type Script = { readonly text: string; readonly sha: string };

const scripts = new Map<string, Script>();

function scriptOf(name: string): Script {
  let script = scripts.get(name);
  if (script === undefined) {
    const text = readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
    script = { text, sha: createHash('sha1').update(text).digest('hex') };
    scripts.set(name, script);
  }
  return script;
}

/** Runs lua/`name`.lua; its header tells keys, arguments and answer. Throws FencedError where the script answers FENCED. */
export async function runScript(
  redis: Redis,
  name: string,
  keys: readonly string[],
  args: readonly (string | Buffer | number)[],
): Promise<unknown> {
  const { text, sha } = scriptOf(name);
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    const message = (error as Error).message;
    if (message.startsWith('FENCED')) throw new FencedError(message);
    if (!message.startsWith('NOSCRIPT')) throw error;
    return redis.eval(text, keys.length, ...keys, ...args);
  }
}
