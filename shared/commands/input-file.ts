// Files that commands are given.
import { readFile, stat } from 'node:fs/promises';
import { CommandFailure, WrongUse } from './command.ts';

/** The file's size in bytes. Throws WrongUse when there is no such file. */
export async function inputFileBytes(path: string): Promise<number> {
  const stats = await stat(path).catch(() => null);
  if (stats === null) throw new WrongUse(`there is no file ${path}`);
  if (stats.isDirectory()) throw new WrongUse(`${path} is a directory, not a file`);
  return stats.size;
}

/** The JSON in the file. */
export async function readJsonFile(path: string): Promise<unknown> {
  await inputFileBytes(path);
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new CommandFailure(`${path} is not JSON: ${(error as Error).message}`);
  }
}
