// One of the processes that share the states of a recording: reads it, checks its part, and prints the result as JSON.
//
//   node power-loss-worker.ts LOG SEED LENGTH STATES PART PARTS WRONG_MAX UNTIL
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readShimLog } from './disk-shim.ts';
import { checkSamples } from './power-loss-samples.ts';
import { makeWorkload } from './power-loss-workload.ts';

const [log = '', ...rest] = process.argv.slice(2);
const [seed, length, states, part, parts, wrongMax] = rest.map(Number) as [
  number,
  number,
  number,
  number,
  number,
  number,
];
/** Memory where there is such a folder: the disk is modelled, not used. */
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'footfall-power-loss-'));
try {
  const workload = makeWorkload(seed, length);
  const sampling = {
    calls: readShimLog(log),
    workload,
    seed,
    states,
    part,
    parts,
    folder,
    wrongMax,
    until: rest[6] || null,
  };
  const result = await checkSamples(sampling);
  // It must not wait for what a broken state left behind: a writer whose journal could not be recovered tries again for ever.
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
