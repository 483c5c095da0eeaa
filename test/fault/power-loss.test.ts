// Power loss: every disk call of a real workload is recorded once; whatever the disk may hold after the power went at any
// moment must be recovered to all that was acknowledged, counted once. The planted faults show that the check can fail.
//
//   FOOTFALL_FAULT_STATES  disk states to build      FOOTFALL_FAULT_SEED  the seed of a run to replay
//   FOOTFALL_FAULT_RECORDING  the recording that a failed run kept; without it the same seed records anew
import { copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildDiskShim, readShimLog } from '../support/disk-shim.ts';
import { checkRecording, type Recording, recordWorkload } from '../support/power-loss-recording.ts';
import { setting } from '../support/setting.ts';
import { temporaryDir } from '../support/temporary-dir.ts';
import { runSeed, seededRandom } from './seed.ts';

const STATES = setting('FOOTFALL_FAULT_STATES', 2_000);
const MESSAGES = 400;
/** Enough to meet a planted fault many times over. */
const PLANTED_STATES = 400;
/** 10 ms a state and process, and as much again for a machine that does other things as well. */
const TIMEOUT_MS = 60_000 + STATES * 20;

const seed = runSeed();
const shim = buildDiskShim();
if ('missing' in shim) process.stderr.write(`power-loss tests skipped: ${shim.missing}\n`);
const library = 'library' in shim ? shim.library : '';

describe.skipIf('missing' in shim)(`power loss, seed ${seed}`, () => {
  test(
    `whatever ${STATES} lost disks hold, what was acknowledged is there and counted once`,
    async () => {
      const recording = replayed() ?? record();
      const { built, checked, wrong } = await checkRecording(recording, { states: STATES, wrongMax: 3, until: null });
      process.stdout.write(`power loss: ${built} disk states built, ${checked} different ones recovered and checked\n`);
      const kept = wrong.length === 0 ? '' : keep(recording);
      expect(wrong, `replay with FOOTFALL_FAULT_SEED=${seed} FOOTFALL_FAULT_RECORDING=${kept}`).toEqual([]);
      expect(built).toBe(STATES);
    },
    TIMEOUT_MS,
  );

  test('the recording holds what makes it hard: many checkpoints, and a process killed before a sync', () => {
    const calls = readShimLog(record().log);
    const databases = new Set(
      calls.flatMap((call) => (call.kind === 'open' && isDatabase(call.path) ? [call.file] : [])),
    );
    const checkpoints = calls.filter((call) => call.kind === 'sync' && databases.has(call.file));
    expect(checkpoints.length).toBeGreaterThan(20);
    expect(calls.filter((call) => call.kind === 'open' && call.path === 'floorplan.sqlite').length).toBeGreaterThan(2);
  });

  test.each(['journal', 'history'])('without the fsync of the %s it is red', async (files) => {
    // Most such states cannot be opened at all; among so many there are some that can, and lack something.
    const fault = { fault: 'drop', calls: ['sync'], files } as const;
    await expectRed(recordWorkload({ library, folder: temporaryDir(), seed, length: MESSAGES, fault }));
  }, 120_000);

  test.each(['acknowledge_first', 'cursor_apart'] as const)('with the fault %s it is red', async (plant) => {
    await expectRed(recordWorkload({ library, folder: temporaryDir(), seed, length: MESSAGES, plant }));
  }, 120_000);
});

function record(): Recording {
  const killedAtSync = 20 + seededRandom(seed, 5).below(100);
  return recordWorkload({ library, folder: temporaryDir(), seed, length: MESSAGES, killedAtSync });
}

function replayed(): Recording | undefined {
  const log = process.env['FOOTFALL_FAULT_RECORDING'];
  return log === undefined ? undefined : { log, seed, length: MESSAGES };
}

function keep(recording: Recording): string {
  const kept = join(tmpdir(), `footfall-power-loss-${seed}.log`);
  copyFileSync(recording.log, kept);
  return kept;
}

function isDatabase(path: string): boolean {
  return path.endsWith('.sqlite');
}

async function expectRed(recording: Recording): Promise<void> {
  const states = PLANTED_STATES;
  const { wrong } = await checkRecording(recording, { states, wrongMax: states, until: 'acknowledged and' });
  expect(wrong.flatMap(({ faults }) => faults).join('\n')).toMatch(/acknowledged and (lost|not)/);
}
