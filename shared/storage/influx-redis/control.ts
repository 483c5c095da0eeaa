// Asking the processors, wherever they run: how far they are is read from their cursors; a comparison is a request in Redis.
//
//   asks: request ──▶ requests of the partition ──▶ its owner takes it, works, answers ──▶ answer key ──▶ asks no more
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../../clock.ts';
import { TemporaryStorageError } from '../../errors.ts';
import type { ProcessorControl, Verification } from '../../processor-control.ts';
import type { Journal } from '../journal.ts';
import { backlogOf } from './backlog.ts';
import { keys, PROGRESS_FIELD } from './keys.ts';
import { type GroupProgress, NO_PROGRESS } from './partition-hash.ts';
import { temporarily } from './redis.ts';

/** Between looks at the cursors: what an operator waits for after a change. */
const LOOK_EVERY_MS = 10;
/** Between looks for a request, or for its answer. */
const REQUEST_EVERY_MS = 100;
/** An owner that takes a request and dies leaves no answer; a replay of millions of events takes minutes. */
const ANSWER_TIMEOUT_MS = 900_000;
/** Answers that nobody fetched. */
const ANSWER_KEPT_MS = 3_600_000;

type Work = 'verify' | 'rebuild';
type Request = { readonly id: string; readonly work: Work };
type Answer = { readonly verification: Verification } | { readonly error: string };

export type AskedProcessors = Omit<ProcessorControl, 'close'>;

export function openControl(
  redis: Redis,
  journal: Pick<Journal, 'lag'>,
  partitions: number,
  clock: Clock,
): AskedProcessors {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  /** The lesser of both groups, for each partition. */
  const progress = () => temporarily(() => Promise.all(all.map((partition) => progressOf(redis, partition))));
  const until = async (isDone: (progress: readonly TakenIn[]) => boolean, timeoutMs: number) => {
    const giveUpAtMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      if (isDone(await progress())) return true;
      if (clock.monotonicMs() >= giveUpAtMs) return false;
      await delay(LOOK_EVERY_MS);
    }
  };
  const ask = async (work: Work): Promise<Verification> => {
    const parts = await Promise.all(all.map((partition) => askOne(redis, partition, work, clock)));
    return {
      spaces: Math.max(...parts.map((part) => part.spaces)),
      events: parts.reduce((sum, part) => sum + part.events, 0),
      position: Math.max(...parts.map((part) => part.position)),
      discrepancies: parts.flatMap((part) => part.discrepancies),
    };
  };
  return {
    applied: (factNumber, timeoutMs) => until((done) => done.every((each) => isApplied(each, factNumber)), timeoutMs),
    caughtUp: async (timeoutMs) => {
      const newest = await Promise.all(
        all.map(async (partition) => (await journal.lag(partition, Number.MAX_SAFE_INTEGER)).newest),
      );
      return until((done) => done.every((each, partition) => each.position >= (newest[partition] ?? 0)), timeoutMs);
    },
    backlog: () => temporarily(() => backlogOf(redis, partitions)),
    verify: () => ask('verify'),
    rebuild: () => ask('rebuild'),
  };
}

type TakenIn = Pick<GroupProgress, 'position' | 'factNumber' | 'recounting'>;

/** Its recounts included, which are the history group's. */
function isApplied(done: TakenIn, factNumber: number): boolean {
  return done.factNumber >= factNumber && (done.recounting === null || done.recounting > factNumber);
}

async function progressOf(redis: Redis, partition: number): Promise<TakenIn> {
  const texts = await Promise.all(
    [keys.live(partition), keys.late(partition)].map((key) => redis.hget(key, PROGRESS_FIELD)),
  );
  const both = texts.map((text) =>
    text === null ? NO_PROGRESS : { ...NO_PROGRESS, ...(JSON.parse(text) as GroupProgress) },
  );
  const open = both.flatMap(({ recounting }) => (recounting === null ? [] : [recounting]));
  return {
    position: Math.min(...both.map((each) => each.position)),
    factNumber: Math.min(...both.map((each) => each.factNumber)),
    recounting: open.length === 0 ? null : Math.min(...open),
  };
}

async function askOne(redis: Redis, partition: number, work: Work, clock: Clock): Promise<Verification> {
  const request: Request = { id: randomUUID(), work };
  const answerKey = `${keys.requests(partition)}:${request.id}`;
  await temporarily(() => redis.rpush(keys.requests(partition), JSON.stringify(request)));
  const giveUpAtMs = clock.monotonicMs() + ANSWER_TIMEOUT_MS;
  for (;;) {
    const text = await temporarily(() => redis.get(answerKey));
    if (text !== null) {
      const answer = JSON.parse(text) as Answer;
      if ('error' in answer) throw new TemporaryStorageError(answer.error);
      return answer.verification;
    }
    if (clock.monotonicMs() >= giveUpAtMs) {
      throw new TemporaryStorageError(`partition ${partition} does not answer; is a processor running?`);
    }
    await delay(REQUEST_EVERY_MS);
  }
}

/** Answers requests to `partition` until `signal` is aborted. A failure is the answer, for whoever asked to act on. */
export async function serveRequests(
  redis: Redis,
  partition: number,
  control: Pick<ProcessorControl, Work>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const text = await redis.lpop(keys.requests(partition)).catch(() => null);
    if (text === null) {
      await delay(REQUEST_EVERY_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const { id, work } = JSON.parse(text) as Request;
    const answer: Answer = await control[work]().then(
      (verification) => ({ verification }),
      (error: Error) => ({ error: error.message }),
    );
    const answerKey = `${keys.requests(partition)}:${id}`;
    await redis.set(answerKey, JSON.stringify(answer), 'PX', ANSWER_KEPT_MS).catch(() => undefined);
  }
}
