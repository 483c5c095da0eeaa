// `simulate`: people walk through a generated building, their DPUs publish with delays and repeats, and every count of
// the service is compared with where the people are.
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import { formatTimestamp } from '../timestamp.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import type { Building } from './building.ts';
import { command, type ExitCode, type Terminal } from './command.ts';
import { type Crossing, Crowd } from './crowd.ts';
import { keyOption, mqttOption, mqttUrlBeside, numberFrom, urlOption } from './options.ts';
import { startProgress } from './progress.ts';
import { openPublisher, type Publisher } from './publisher.ts';
import { type Counts, countsOf, differencesOf, raiseBuilding } from './simulated-counts.ts';

/** What walks within one of these is published together. */
const TICK_MS = 20;
/** The moments of the run, besides now, at which all counts are compared. */
const MOMENTS = 10;
/** Counts that have not moved for so long will not become right. */
const QUIET_MS = 5_000;
const SPACES_SHOWN_MAX = 12;

const share = numberFrom(0, 1, 'any');

export const simulateCommand = command({
  name: 'simulate',
  argument: null,
  summary: 'let people walk through a generated building, and compare the counts with where they are',
  options: {
    dpus: { value: 'n', description: 'doors of the building', parse: numberFrom(1, 100_000, 'whole'), standard: 20 },
    rate: { value: 'n', description: 'events a second', parse: numberFrom(0.1, 20_000, 'any'), standard: 50 },
    late: { value: 'share', description: 'share of the events held back for seconds', parse: share, standard: 0.05 },
    duplicate: { value: 'share', description: 'share of the events sent twice', parse: share, standard: 0.05 },
    seconds: { value: 'n', description: 'how long they walk', parse: numberFrom(1, 86_400, 'any'), standard: 10 },
    mqtt: mqttOption,
    url: urlOption,
    key: keyOption,
  },
  run: async (_, options, terminal) => {
    const { dpus, seconds, rate, url, key, mqtt } = options;
    const api = apiClient(url, key);
    const building = await raiseBuilding(api, dpus);
    const before = await countsOf(api, building, null);
    terminal.print(
      `a building of ${dpus} doors and ${building.parents.size} spaces; ${rate} events/s for ${seconds} s`,
    );
    const publisher = await openPublisher(mqtt ?? mqttUrlBeside(url), key);
    const crowd = new Crowd(building, Math.random);
    const startMs = systemClock.nowMs();
    try {
      const sent = await walk(crowd, publisher, options, terminal);
      terminal.print(`${sent.events} events published: ${sent.late} of them late, ${sent.twice} twice`);
    } finally {
      await publisher.close();
    }
    return judge({ api, building, before, crowd, startMs, endMs: systemClock.nowMs() }, terminal);
  },
});

type Walk = { readonly rate: number; readonly late: number; readonly duplicate: number; readonly seconds: number };

/** Lets them walk until the time is over or Ctrl-C; resolves when everything, the late ones last, is acknowledged. */
async function walk(crowd: Crowd, publisher: Publisher, options: Walk, terminal: Terminal) {
  const sent = { events: 0, late: 0, twice: 0 };
  const heldBack: { crossing: Crossing; dueMs: number }[] = [];
  const interrupted = terminal.interruption();
  const progress = await startProgress(terminal, 'simulate', options.seconds);
  const publish = ({ dpuId, timestampMs, direction }: Crossing) =>
    publisher.publish(dpuId, JSON.stringify({ timestamp: formatTimestamp(timestampMs), direction }));
  const beganMs = systemClock.monotonicMs();
  const elapsedS = () => (systemClock.monotonicMs() - beganMs) / 1000;
  const holdBack = (crossing: Crossing) => {
    heldBack.push({ crossing, dueMs: systemClock.monotonicMs() + Math.random() * options.seconds * 1000 });
  };
  for (let nowS = 0; nowS < options.seconds && !interrupted.aborted; nowS = elapsedS()) {
    for (; sent.events < nowS * options.rate; sent.events++) {
      const crossing = crowd.step(systemClock.nowMs());
      const late = Math.random() < options.late;
      const twice = Math.random() < options.duplicate;
      if (late) holdBack(crossing);
      else await publish(crossing);
      if (twice) holdBack(crossing);
      sent.late += Number(late);
      sent.twice += Number(twice);
    }
    const dueMs = systemClock.monotonicMs();
    const kept = heldBack.splice(0);
    for (const held of kept) {
      if (held.dueMs <= dueMs) await publish(held.crossing);
      else heldBack.push(held);
    }
    progress.update(nowS);
    await delay(TICK_MS);
  }
  for (const { crossing } of heldBack) await publish(crossing);
  await publisher.drained();
  progress.stop();
  return sent;
}

type Run = {
  readonly api: ApiClient;
  readonly building: Building;
  readonly before: Counts;
  readonly crowd: Crowd;
  readonly startMs: number;
  readonly endMs: number;
};

async function judge(run: Run, terminal: Terminal): Promise<ExitCode> {
  const { building, crowd, before, startMs, endMs } = run;
  const truthAt = (atMs: number): Counts =>
    new Map([...crowd.countsAt(atMs)].map(([space, count]) => [space, count + (before.get(space) ?? 0)]));
  const truth = truthAt(Number.POSITIVE_INFINITY);
  const counted = await settledCounts(run, truth);
  printCounts(truth, counted, terminal);
  const faults = differencesOf(truth, counted).map((fault) => `now: ${fault}`);
  for (let moment = 1; moment <= MOMENTS; moment++) {
    const atMs = Math.floor(startMs + ((endMs - startMs) * moment) / (MOMENTS + 1));
    const then = await countsOf(run.api, building, atMs);
    faults.push(...differencesOf(truthAt(atMs), then).map((fault) => `at ${formatTimestamp(atMs)}: ${fault}`));
  }
  for (const fault of faults.slice(0, SPACES_SHOWN_MAX)) terminal.complain(fault);
  const spaces = `${building.parents.size} spaces, now and at ${MOMENTS} moments of the run`;
  terminal.print(
    faults.length === 0 ? `every count is right: ${spaces}` : `${faults.length} counts are wrong: ${spaces}`,
  );
  return faults.length === 0 ? 0 : 1;
}

/** The counts of now, once they are right or have stopped moving. */
async function settledCounts({ api, building }: Run, truth: Counts): Promise<Counts> {
  let wrong = '';
  let movedAtMs = systemClock.monotonicMs();
  for (;;) {
    const counted = await countsOf(api, building, null);
    const nowWrong = differencesOf(truth, counted).join();
    const nowMs = systemClock.monotonicMs();
    if (nowWrong !== wrong) movedAtMs = nowMs;
    if (nowWrong === '' || nowMs - movedAtMs > QUIET_MS) return counted;
    wrong = nowWrong;
    await delay(5 * TICK_MS);
  }
}

function printCounts(truth: Counts, counted: Counts, terminal: Terminal): void {
  const rows = [...truth].slice(0, SPACES_SHOWN_MAX);
  const width = Math.max(...rows.map(([space]) => space.length), 'space'.length);
  terminal.print(`${'space'.padEnd(width)}    true  counted`);
  for (const [space, count] of rows) {
    terminal.print(
      `${space.padEnd(width)}${String(count).padStart(8)}${String(counted.get(space) ?? '-').padStart(9)}`,
    );
  }
  if (truth.size > rows.length) terminal.print(`and ${truth.size - rows.length} more spaces`);
}
