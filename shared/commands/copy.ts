// `copy`: moves house. Everything in one store goes into another, then both are compared, every space at several moments.

import type { CopyProgress } from '../copy.ts';
import type { SpaceId } from '../ids.ts';
import type { HistoryReader } from '../storage/history.ts';
import { type Command, CommandFailure, command, WrongUse } from './command.ts';
import { startProgress } from './progress.ts';

type StorageName = 'embedded' | 'influx-redis';

/** Both stores, opened for copying. */
export type Moving = {
  readonly spaceIds: readonly SpaceId[];
  readonly from: Pick<HistoryReader, 'net'>;
  readonly to: Pick<HistoryReader, 'net'>;
  /** Answers the number of events read. */
  copy(onProgress: (progress: CopyProgress) => void, signal: AbortSignal): Promise<number>;
  /** First and last instant with events, ms. */
  span(): Promise<readonly [number, number]>;
  close(): Promise<void>;
};

/** Moments at which every space is compared, besides now. */
const MOMENTS = 9;

const storageOption = (description: string) => ({
  value: 'storage',
  description,
  parse: (text: string): StorageName => {
    if (text === 'embedded' || text === 'influx-redis') return text;
    throw new WrongUse('It must be embedded or influx-redis.');
  },
});

/** `open` is handed in because only the entry point knows the processor. */
export function copyCommand(open: (from: StorageName, to: StorageName) => Promise<Moving>): Command {
  return command({
    name: 'copy',
    argument: null,
    summary: 'copy everything from one store into another, and compare; no service may run on either',
    options: {
      from: storageOption('the store to read, where the FOOTFALL_, REDIS_ and INFLUX_ variables say it is'),
      to: storageOption('the store to write, empty or of an earlier copy that was interrupted'),
    },
    run: async (_, { from, to }, terminal) => {
      if (from === undefined || to === undefined || from === to) {
        throw new WrongUse('say --from and --to, embedded and influx-redis or the other way round');
      }
      const moving = await open(from, to);
      try {
        const signal = terminal.interruption();
        let bar: Awaited<ReturnType<typeof startProgress>> | undefined;
        let told = 0;
        const events = await moving.copy(async ({ events: done, total }) => {
          bar ??= await startProgress(terminal, 'events', total);
          bar.update(done);
          if (terminal.interactive || done - told < 100_000) return;
          told = done;
          terminal.complain(`${done} of ${total} events`);
        }, signal);
        bar?.stop();
        if (signal.aborted) throw new CommandFailure('interrupted; run the same again and it goes on');
        const wrong = await differences(moving);
        for (const line of wrong) terminal.print(line);
        const compared = `${events} events read, ${moving.spaceIds.length} spaces compared at ${MOMENTS + 1} moments`;
        terminal.print(`${wrong.length === 0 ? 'equal' : `${wrong.length} differences`}: ${compared}`);
        return wrong.length === 0 ? 0 : 1;
      } finally {
        await moving.close();
      }
    },
  });
}

/** Sums of all deltas up to each moment; resets are facts, and those are the same. */
async function differences(moving: Moving): Promise<string[]> {
  const [firstMs, lastMs] = await moving.span();
  const moments = Array.from({ length: MOMENTS + 1 }, (_, index) =>
    Math.round(firstMs + ((lastMs - firstMs) * (index + 1)) / (MOMENTS + 1)),
  );
  const wrong: string[] = [];
  for (const spaceId of moving.spaceIds) {
    for (const atMs of moments) {
      const [one, other] = [await moving.from.net(spaceId, null, atMs), await moving.to.net(spaceId, null, atMs)];
      if (one !== other) wrong.push(`${spaceId} at ${new Date(atMs).toISOString()}: ${one} copied as ${other}`);
    }
  }
  return wrong;
}
