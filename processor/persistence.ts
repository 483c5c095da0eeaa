// Work that goes on until it is done: storage that is away for a while is waited for.
import { TemporaryStorageError } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';

/** Between tries while storage cannot be used. */
const RETRY_MS = 500;

type Circumstances = {
  /** True when nobody needs the work any more; its next failure is thrown. */
  readonly isOver: () => boolean;
  readonly rest: (ms: number) => Promise<unknown>;
  readonly log: Log;
};

/** Tries again while storage says that it may succeed later. Only for work that may be repeated. */
export async function persistently<Result>(
  work: () => Promise<Result>,
  { isOver, rest, log }: Circumstances,
): Promise<Result> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      const result = await work();
      if (!isFirst) log.info('storage can be used again');
      return result;
    } catch (error) {
      if (!(error instanceof TemporaryStorageError) || isOver()) throw error;
      if (isFirst) log.error({ err: error }, 'storage cannot be used; its counts stand still until it can');
      await rest(RETRY_MS);
    }
  }
}
