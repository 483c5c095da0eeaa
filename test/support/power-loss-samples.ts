// Chooses crash points and disk states of a recording by chance, builds each, and has those that differ checked.
import { seededRandom } from '../fault/seed.ts';
import type { DiskCall } from './disk-shim.ts';
import { checkState } from './power-loss-check.ts';
import { PowerLossDisk } from './power-loss-disk.ts';
import type { Workload } from './power-loss-workload.ts';

export type Sampling = {
  readonly calls: readonly DiskCall[];
  readonly workload: Workload;
  readonly seed: number;
  readonly states: number;
  /** Of `parts` processes that share the states, this is number `part`. */
  readonly part: number;
  readonly parts: number;
  /** An empty folder, in memory if possible. */
  readonly folder: string;
  /** Ends early once so many states are wrong. */
  readonly wrongMax: number;
  /** Ends early once a fault holds this text. */
  readonly until: string | null;
};

export type WrongState = { readonly sample: number; readonly crashPoint: number; readonly faults: readonly string[] };
export type SamplingResult = {
  readonly built: number;
  readonly checked: number;
  readonly wrong: readonly WrongState[];
};

/** One state in so many is checked thoroughly. */
const THOROUGH_EVERY = 40;
/** Faults of one state that are told. */
const FAULTS_MAX = 3;

export async function checkSamples(sampling: Sampling): Promise<SamplingResult> {
  const { calls, workload, seed, folder, wrongMax, until } = sampling;
  const disk = new PowerLossDisk();
  const acknowledged = { messages: new Set<number>(), facts: 0 };
  const seen = new Set<string>();
  const wrong: WrongState[] = [];
  let [applied, built, marks] = [0, 0, 0];
  for (const { sample, crashPoint } of samplesOf(sampling)) {
    for (; applied < crashPoint; applied++) {
      const call = calls[applied] as DiskCall;
      disk.apply(call);
      if (call.kind === 'mark') marks += takeMarks(call.text, acknowledged);
    }
    const state = disk.sample(seededRandom(seed, sample, 4));
    built += 1;
    // More promises make it another state, though the disk is the same.
    const key = `${marks} ${state.key}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const isThorough = seen.size % THOROUGH_EVERY === 0;
    const faults = await checkState(state, folder, { workload, acknowledged, isThorough });
    if (faults.length > 0) wrong.push({ sample, crashPoint, faults: faults.slice(0, FAULTS_MAX) });
    if (wrong.length >= wrongMax || (until !== null && faults.some((fault) => fault.includes(until)))) break;
  }
  return { built, checked: seen.size, wrong };
}

/** The samples of this part, in the order of their crash points: the number of calls that were made before the crash. */
function samplesOf(sampling: Sampling): { sample: number; crashPoint: number }[] {
  const { calls, seed, states, part, parts } = sampling;
  const afterMarks = pointsWhere(calls, (call) => call.kind === 'mark');
  const inCheckpoints = pointsWhere(calls, inDatabaseFiles(calls));
  const samples: { sample: number; crashPoint: number }[] = [];
  for (let sample = part; sample < states; sample += parts) {
    const random = seededRandom(seed, sample, 3);
    // A third anywhere, a third as soon as something was promised, a third while a database file is written.
    const points = random.pick([undefined, afterMarks, inCheckpoints]);
    const near = random.chance(0.5) ? 0 : random.below(12) - 4;
    const crashPoint =
      points === undefined || points.length === 0 ? random.below(calls.length + 1) : random.pick(points) + near;
    samples.push({ sample, crashPoint: Math.min(calls.length, Math.max(0, crashPoint)) });
  }
  return samples.sort((one, other) => one.crashPoint - other.crashPoint);
}

function pointsWhere(calls: readonly DiskCall[], holds: (call: DiskCall) => boolean): number[] {
  return calls.flatMap((call, index) => (holds(call) ? [index + 1] : []));
}

/** Writes and syncs of the database files themselves happen in checkpoints; commits go to the `-wal` beside them. */
function inDatabaseFiles(calls: readonly DiskCall[]): (call: DiskCall) => boolean {
  const files = new Set(
    calls.flatMap((call) => (call.kind === 'open' && call.path.endsWith('.sqlite') ? [call.file] : [])),
  );
  return (call) => (call.kind === 'write' || call.kind === 'sync') && files.has(call.file);
}

/** Takes in the lines of a mark; answers how many there were. */
export function takeMarks(text: string, acknowledged: { messages: Set<number>; facts: number }): number {
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines) {
    const [kind, number] = line.split(' ');
    if (kind === 'message') acknowledged.messages.add(Number(number));
    else acknowledged.facts = Number(number);
  }
  return lines.length;
}
