// `doctor`: what a service needs of this machine and its servers, how it is, and what to do about it.
import type { Check } from '../check.ts';
import { systemClock } from '../clock.ts';
import { command } from './command.ts';
import { numberFrom } from './options.ts';

const DPUS_MAX = 1_000_000;

export const doctorCommand = command({
  name: 'doctor',
  argument: null,
  summary:
    'look at configuration, disk, clock, limits, ports and servers, and say what to do; exit 1 when something fails',
  options: {
    dpus: {
      value: 'number',
      description: 'how many DPUs are to connect, for the limit of open files',
      parse: numberFrom(1, DPUS_MAX, 'whole'),
      standard: 1000,
    },
    json: { value: null, description: 'for programs', parse: () => true, standard: false },
  },
  run: async (_, { dpus, json }, terminal) => {
    // What it imports is more than any other command needs.
    const { examine } = await import('../doctor/doctor.ts');
    const checks = await examine(systemClock, dpus);
    if (json) terminal.print(JSON.stringify({ checks }));
    else for (const line of checks.flatMap(linesOf)) terminal.print(line);
    return checks.some(({ state }) => state === 'failing') ? 1 : 0;
  },
});

function linesOf({ name, state, detail, action }: Check): string[] {
  const line = `${state.padEnd(8)} ${name.padEnd(15)} ${detail ?? ''}`.trimEnd();
  return action === null ? [line] : [line, `${' '.repeat(25)}→ ${action}`];
}
