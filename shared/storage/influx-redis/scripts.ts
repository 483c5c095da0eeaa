// The Lua scripts: one file in lua/ for each atomic operation.
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { FencedError } from '../fenced.ts';

const texts = new Map<string, string>();

function textOf(name: string): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
    texts.set(name, text);
  }
  return text;
}

/**
 * Runs lua/`name`.lua; its header tells keys, arguments and answer. Throws FencedError where the script answers FENCED.
 * Sent whole every time, which the server knows by its hash: by hash alone, the first calls after a restart of the server
 * would be refused and repeated, and overtaken by later ones.
 */
export async function runScript(
  redis: Redis,
  name: string,
  keys: readonly string[],
  args: readonly (string | Buffer | number)[],
): Promise<unknown> {
  try {
    return await redis.eval(textOf(name), keys.length, ...keys, ...args);
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith('FENCED') ? new FencedError(message) : error;
  }
}
