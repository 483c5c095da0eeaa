// Plants one fault after the other in a copy of the project, and expects the tests that must catch it to turn red.
//
//   npm run planted-faults                 all of them (those on Redis and InfluxDB where the servers are)
//   npm run planted-faults -- recount      those whose name contains the word
//
// The faults of acknowledging (no fsync, acknowledged first, cursor apart) are planted by test/fault/power-loss.test.ts itself.
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { whyNoInflux, whyNoRedis } from './support/servers.ts';
import { removeDir, temporaryDir } from './support/temporary-dir.ts';

const PROJECT_DIR = dirname(import.meta.dirname);
/** A fault is met within the first few; the copy without one must pass all of them. */
const SCHEDULES = { embedded: '100', 'influx-redis': '16' } as const;
const TIMEOUT_MS = 600_000;
/** What the tests say of an answer that is not the model's, and of a store that is not what its raw events make. */
const RED = /not as the model[^\n]*|"detail": "[^"]*"/;

type Fault = {
  readonly name: string;
  readonly file: string;
  /** Stands there once. */
  readonly was: string;
  readonly becomes: string;
  readonly test: string;
  readonly project: keyof typeof SCHEDULES;
};

const SERVICE = { test: 'test/property/service.test.ts', project: 'embedded' } as const;
const FOLLOWED = { test: 'test/e2e/http-changes-followed.test.ts', project: 'embedded' } as const;
const ON_SERVERS = { test: 'test/property/service.test.ts', project: 'influx-redis' } as const;

const FAULTS: readonly Fault[] = [
  {
    name: 'no dedupe',
    file: 'shared/storage/sqlite/raw-events.ts',
    was: 'this.#insertOne.run(...row).changes === 1',
    becomes: 'this.#insertOne.run(...row).changes >= 0',
    ...SERVICE,
  },
  {
    name: 'extremes of an hour not marked dirty by a late event',
    file: 'shared/storage/sqlite/changes.ts',
    was: 'lowest = NULL, highest = NULL,',
    becomes: '',
    test: 'test/property/schedules-one.test.ts',
    project: 'embedded',
  },
  {
    name: 'rollup not marked dirty by a late event',
    file: 'shared/storage/influx-redis/intake-points.ts',
    was: 'marking.add(delta.spaceId, event.timestampMs);',
    becomes: 'if (event.recordedAtMs - event.timestampMs < 3_600_000) marking.add(delta.spaceId, event.timestampMs);',
    ...ON_SERVERS,
  },
  {
    name: 'a recount that forgets the live count',
    file: 'shared/storage/sqlite/history-writer.ts',
    was: `    recounter.advance(changes, endOf);
    changes.write(statements.changes);`,
    becomes: `    recounter.advance(changes, endOf);
    changes.write({ ...statements.changes, addLive: { run: () => undefined } as never });`,
    ...SERVICE,
  },
  {
    name: 'known_at that forgets later facts',
    file: 'shared/storage/sqlite/recounter.ts',
    was: 'this.#shifts.write(shifts);',
    becomes: '',
    ...SERVICE,
  },
  {
    name: 'known_at that forgets events of days ago',
    file: 'shared/storage/sqlite/late-ledger.ts',
    was: 'for (const statement of [this.#late, this.#onTime]) {',
    becomes: 'for (const statement of [this.#onTime]) {',
    ...SERVICE,
  },
  {
    name: 'a move that is not recounted',
    file: 'processor/take-facts.ts',
    was: 'recordedAtMs: fact.recordedAtMs, remappings });',
    becomes: 'recordedAtMs: fact.recordedAtMs, remappings: [] });',
    ...SERVICE,
  },
  {
    name: 'a daily reset in the gap of a clock change an hour late',
    file: 'shared/calendar.ts',
    was: 'return (change ?? earlier).epochMilliseconds;',
    becomes: 'return earlier.epochMilliseconds;',
    ...SERVICE,
  },
  {
    name: 'change feed without what a recount changed',
    file: 'shared/storage/sqlite/remapper.ts',
    was: 'this.#log.crossing(atMs, direction, effect, weight, source, endOf);',
    becomes: ';',
    ...FOLLOWED,
  },
  {
    name: 'change feed without daily resets',
    file: 'shared/storage/sqlite/change-log.ts',
    was: 'if (change === 0) return;',
    becomes: 'if (change === 0 || fact === null) return;',
    // Days pass only there.
    test: 'test/property/schedules-one.test.ts',
    project: 'embedded',
  },
  {
    name: 'change feed in which a late event reaches past the next reset',
    file: 'shared/storage/sqlite/change-log.ts',
    was: 'const untilMs = isPast ? endOf(this.#names.spaceId(space), fromMs) : null;',
    becomes: 'const untilMs = isPast ? null : null;',
    ...FOLLOWED,
  },
];

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Everything but what git ignores; the packages are the project's own. */
function copyProject(): string {
  const copy = temporaryDir();
  const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: PROJECT_DIR, encoding: 'utf8' });
  for (const path of listed.stdout.trim().split('\n')) cpSync(join(PROJECT_DIR, path), join(copy, path));
  symlinkSync(join(PROJECT_DIR, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Null when the tests passed, else how they failed. */
function failureOf(copy: string, { test, project }: Pick<Fault, 'test' | 'project'>): string | null {
  const schedules = SCHEDULES[project];
  const env = {
    ...process.env,
    FOOTFALL_TEST_SCHEDULES: '2000',
    FOOTFALL_TEST_SERVICE_SCHEDULES: schedules,
    FOOTFALL_TEST_SERVICE_SCHEDULES_SERVERS: schedules,
    FOOTFALL_TEST_SHRINKING_MS: '0',
  };
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', project, '--no-color', test];
  const run = spawnSync(process.execPath, args, { cwd: copy, env, encoding: 'utf8', timeout: TIMEOUT_MS });
  if (run.status === 0) return null;
  const output = run.stdout + run.stderr;
  return RED.exec(output)?.[0] ?? `another failure:\n${output}`;
}

/** True when the tests turn red, by the model and not by an accident. */
function isCaught(copy: string, fault: Fault): boolean {
  const path = join(copy, fault.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(fault.was, () => fault.becomes),
  );
  const failure = failureOf(copy, fault);
  writeFileSync(path, text);
  const isRed = failure !== null && RED.test(failure);
  say(`${isRed ? 'caught' : 'MISSED'}  ${fault.name}: ${failure?.slice(0, 2_000) ?? 'the tests passed'}`);
  return isRed;
}

const [word = ''] = process.argv.slice(2);
const missing = whyNoRedis() ?? whyNoInflux();
if (missing !== null) say(`without Redis and InfluxDB: ${missing}`);
const faults = FAULTS.filter(
  ({ name, project }) => name.includes(word) && (missing === null || project === 'embedded'),
);
const copy = copyProject();
try {
  // The code goes on, and a fault that is no longer planted would be no fault.
  const gone = FAULTS.filter(({ file, was }) => readFileSync(join(copy, file), 'utf8').split(was).length !== 2);
  for (const { name, file } of gone) say(`${file} has changed: plant anew: ${name}`);
  if (gone.length > 0) process.exit(1);
  const tests = new Map(faults.map((fault) => [`${fault.project} ${fault.test}`, fault]));
  const redBefore = [...tests].filter(([, fault]) => failureOf(copy, fault) !== null).map(([name]) => name);
  if (redBefore.length > 0) say(`red with no fault planted: ${redBefore.join(', ')}`);
  const missed = faults.filter((fault) => !isCaught(copy, fault));
  process.exitCode = faults.length > 0 && missed.length === 0 && redBefore.length === 0 ? 0 : 1;
} finally {
  removeDir(copy);
}
