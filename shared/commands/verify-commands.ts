// `verify` and `rebuild`: are live counts, history and a replay of the raw events one, and making them one again.
//
// With --url the running service is asked. Without it the data directory is opened directly when no service runs on it;
// when one does, that one is asked at the standard address.
import { apiClient } from './api-client.ts';
import { type Command, CommandFailure, command, type ExitCode, type Terminal } from './command.ts';
import { DEFAULT_URL, keyOption, parseHttpUrl } from './options.ts';

/** As the API answers it. */
export type VerificationAnswer = {
  readonly spaces: number;
  readonly events: number;
  readonly position: number;
  readonly discrepancies: readonly {
    readonly space_id: string;
    readonly live: number;
    readonly history: number;
    readonly replay: number;
    readonly detail: string;
  }[];
};

export type Work = 'verify' | 'rebuild';

/** Does the work on the data directory itself; null when a running service holds it. */
export type Offline = (work: Work) => Promise<{ readonly where: string; readonly answer: VerificationAnswer } | null>;

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
        if (local !== null) return report(work, local.where, local.answer, terminal);
        const where = url ?? DEFAULT_URL;
        const answer = await apiClient(where, key)
          .call<VerificationAnswer>('POST', `/v1/${work}`, {})
          .catch((error: Error) => {
            if (url !== undefined) throw error;
            throw new CommandFailure(`a service runs on the data directory, so it must be asked: ${error.message}`);
          });
        return report(work, where, answer, terminal);
      },
    }),
  );
}

function report(work: Work, where: string, answer: VerificationAnswer, terminal: Terminal): ExitCode {
  const { spaces, events, position, discrepancies } = answer;
  for (const { space_id, live, history, replay, detail } of discrepancies) {
    terminal.print(
      `${space_id}: live ${live}, history ${history}, replay ${replay}${detail === '' ? '' : ` (${detail})`}`,
    );
  }
  const compared = `${spaces} spaces, ${events} events, journal position ${position}, ${where}`;
  const outcome = {
    verify: ['equal', `${discrepancies.length} spaces differ; \`rebuild\` makes them equal`],
    rebuild: ['rebuilt, nothing differed', `rebuilt; ${discrepancies.length} spaces had differed`],
  }[work];
  terminal.print(`${discrepancies.length === 0 ? outcome[0] : outcome[1]}: ${compared}`);
  return discrepancies.length === 0 ? 0 : 1;
}
