// Recounts as everybody sees them: each is the sum of what every partition has to do for one fact.
import type { Redis } from 'ioredis';
import type { RecountReader, RecountState } from '../recounts.ts';
import { keys, PROGRESS_FIELD } from './keys.ts';
import { type GroupProgress, NO_PROGRESS } from './partition-hash.ts';
import { jobOf, type RecountJob } from './recount-jobs.ts';
import { temporarily } from './redis.ts';

/** Of more facts than this, every recount is read, which is quicker than to ask for each. */
const FACTS_ASKED_FOR = 500;

type Found = { readonly job: RecountJob; readonly isOpen: boolean };

export function openRecountReader(redis: Redis, partitions: number): RecountReader {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const progress = () => temporarily(() => Promise.all(all.map((partition) => progressOf(redis, partition))));
  const between = async (parts: readonly GroupProgress[], first: number, last: number) => {
    const found = await temporarily(() => Promise.all(all.map((partition) => read(redis, partition, first, last))));
    const takenIn = Math.min(...parts.map(({ factNumber }) => factNumber));
    const byFact = Map.groupBy(found.flat(), ({ job }) => job.fact);
    const inOrder = [...byFact].sort(([one], [other]) => one - other);
    // A partition that has not come to the fact yet may have something to do for it.
    return inOrder.map(([fact, jobs]) => stateOf(jobs, fact > takenIn));
  };
  return {
    recounts: async (first, last) => between(await progress(), first, last),
    openRecounts: async () => {
      const parts = await progress();
      const numbers = parts.flatMap(({ factNumber, recounting }) => [factNumber, recounting ?? factNumber + 1]);
      const [first, last] = [Math.min(...numbers), Math.max(...parts.map(({ factNumber }) => factNumber))];
      // As nearly always: every partition has taken in the same facts, and no recount is open.
      const isQuiet = parts.every(({ recounting }) => recounting === null) && first === last;
      return isQuiet ? [] : (await between(parts, first, last)).filter(({ isDone }) => !isDone);
    },
  };
}

async function progressOf(redis: Redis, partition: number): Promise<GroupProgress> {
  const text = await redis.hget(keys.late(partition), PROGRESS_FIELD);
  return text === null ? NO_PROGRESS : { ...NO_PROGRESS, ...(JSON.parse(text) as GroupProgress) };
}

/** What the partition has to do, and has done, for the facts from `first` to `last`. */
async function read(redis: Redis, partition: number, first: number, last: number): Promise<Found[]> {
  const facts = last - first < FACTS_ASKED_FOR ? Array.from({ length: last - first + 1 }, (_, at) => first + at) : null;
  if (facts?.length === 0) return [];
  const of = (key: string) => (facts === null ? redis.hvals(key) : redis.hmget(key, ...facts.map(String)));
  // One after the other, so that what is finished in between is not missed.
  const open = (await of(keys.recounts(partition))).flatMap(jobsIn);
  const done = (await of(keys.recountsDone(partition))).flatMap(jobsIn);
  const isOpen = new Set(open.map(({ fact }) => fact));
  const found = [
    ...open.map((job) => ({ job, isOpen: true })),
    ...done.filter(({ fact }) => !isOpen.has(fact)).map((job) => ({ job, isOpen: false })),
  ];
  return found.filter(({ job }) => job.fact >= first && job.fact <= last);
}

function jobsIn(text: string | null): RecountJob[] {
  return text === null ? [] : [jobOf(text)];
}

function stateOf(found: readonly Found[], isExpected: boolean): RecountState {
  const jobs = found.map(({ job }) => job);
  const sum = (value: (job: RecountJob) => number) => jobs.reduce((total, job) => total + value(job), 0);
  return {
    fact: (jobs[0] as RecountJob).fact,
    spaceIds: [...new Set(jobs.flatMap(({ spaces }) => spaces))].sort(),
    fromMs: Math.min(...jobs.map(({ fromMs }) => fromMs)),
    untilMs: Math.max(...jobs.map(({ untilMs }) => untilMs)),
    eventsTotal: sum(({ total }) => total),
    eventsDone: sum(({ done }) => done),
    isDone: !isExpected && found.every(({ isOpen }) => !isOpen),
  };
}
