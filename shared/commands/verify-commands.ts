// `verify` and `rebuild`: are live counts, history and a replay of the raw events one, and making them one again.
//
// With --url the running service is asked. Without it the data directory is opened directly when no service runs on it;
// when one does, that one is asked at the standard address.
import type { SpaceId } from '../ids.ts';
import type { Verification } from '../processor-control.ts';
import { apiClient } from './api-client.ts';
import { type Command, CommandFailure, command, type ExitCode, type Terminal } from './command.ts';
import { DEFAULT_URL, keyOption, parseHttpUrl } from './options.ts';

type Discrepancy = Verification['discrepancies'][number];
/** As the API answers it. */
type Answer = Omit<Verification, 'discrepancies'> & {
  readonly discrepancies: readonly (Omit<Discrepancy, 'spaceId'> & { readonly space_id: string | null })[];
};

export type Work = 'verify' | 'rebuild';

/** Does the work on the data directory itself; null when a running service holds it. */
export type Offline = (work: Work) => Promise<{ readonly where: string; readonly verification: Verification } | null>;

const SUMMARY: Record<Work, string> = {
  verify: 'compare live counts, history and a replay of the raw events, for every space',
  rebuild: 'make every projection anew from the raw events, and tell what differed',
};

/** `offline` is handed in because only the entry point knows the processor. */
export function verifyCommands(offline: Offline): Command[] {
  return (['verify', 'rebuild'] as const).map((work) =>
    command({
      name: work,
      argument: null,
      summary: SUMMARY[work],
      options: {
        url: {
          value: 'url',
          description: `a running service (default: FOOTFALL_DATA_DIR itself, or ${DEFAULT_URL} when a service runs on it)`,
          parse: parseHttpUrl,
        },
        key: keyOption,
      },
      run: async (_, { url, key }, terminal) => {
        const local = url === undefined ? await offline(work) : null;
        if (local !== null) return report(work, local.where, local.verification, terminal);
        const where = url ?? DEFAULT_URL;
        const answer = await apiClient(where, key)
          .call<Answer>('POST', `/v1/${work}`)
          .catch((error: Error) => {
            if (url !== undefined) throw error;
            throw new CommandFailure(`a service runs on the data directory, so it must be asked: ${error.message}`);
          });
        return report(work, where, verificationOf(answer), terminal);
      },
    }),
  );
}

function verificationOf({ discrepancies, ...rest }: Answer): Verification {
  const named = discrepancies.map(({ space_id, ...one }) => ({ ...one, spaceId: space_id as SpaceId | null }));
  return { ...rest, discrepancies: named };
}

function report(work: Work, where: string, verification: Verification, terminal: Terminal): ExitCode {
  const { spaces, events, position, discrepancies } = verification;
  for (const { spaceId, live, history, replay, detail } of discrepancies) {
    terminal.print(
      `${spaceId ?? 'the whole'}: live ${live}, history ${history}, replay ${replay}${detail === '' ? '' : ` (${detail})`}`,
    );
  }
  const differ = discrepancies.length;
  const compared = `${spaces} spaces, ${events} events, journal position ${position}, ${where}`;
  if (work === 'verify') {
    terminal.print(`${differ === 0 ? 'equal' : `${differ} differences; \`rebuild\` makes them equal`}: ${compared}`);
  } else {
    terminal.print(`rebuilt, ${differ === 0 ? 'nothing' : differ} differed: ${compared}`);
  }
  return differ === 0 ? 0 : 1;
}
