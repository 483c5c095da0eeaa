// The files of the page, prepared when somebody asks for the first of them and kept in memory from then on.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PageFile } from './page-thread.ts';

export type Encoding = keyof PageFile['bytes'];

let prepared: Promise<ReadonlyMap<string, PageFile>> | null = null;

/** Every file of the page by its name. */
export function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  prepared ??= prepare().catch((error) => {
    prepared = null;
    throw error;
  });
  return prepared;
}

async function prepare(): Promise<ReadonlyMap<string, PageFile>> {
  // Node calls the stripping of types experimental, which is no news for the log of a service.
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  const worker = new Worker(new URL('./page-thread.ts', import.meta.url), { execArgv });
  const [files] = await once(worker, 'message');
  return files as ReadonlyMap<string, PageFile>;
}

/** The smallest encoding that the client takes (RFC 9110, 12.5.3). */
export function encodingOf(accepted: string | undefined): Encoding {
  const names = (accepted ?? '').split(',').filter((one) => !/;\s*q=0(\.0*)?\s*$/.test(one));
  const takes = (encoding: string) => names.some((one) => one.split(';', 1)[0]?.trim() === encoding);
  if (takes('br')) return 'br';
  return takes('gzip') ? 'gzip' : 'identity';
}
