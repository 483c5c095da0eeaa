// What the API tells of the service as a whole: how far the journal, the watermarks and recounts are.
import { DoorwayCoverage } from '../shared/coverage.ts';
import { gauge, type Measure, type Reading, type Value } from '../shared/metrics/reading.ts';
import { Certainties } from './certainty.ts';
import type { ApiDependencies } from './dependencies.ts';
import { webhookReadings } from './webhooks/measures.ts';

const QUANTILES = [0.5, 0.9, 0.99, 1];
/** Watermarks cost a look at every DPU: they are worked out no more often than this, however often they are asked for. */
const WATERMARKS_EVERY_MS = 10_000;

/** What can be read of `dependencies` at a scrape; the parts whose server is away are missing. */
export function measureService(dependencies: ApiDependencies): Measure {
  const watermarks = watermarkMeasure(dependencies);
  const webhooks = () => webhookReadings(dependencies.webhooks.store);
  const parts = [() => backlogReadings(dependencies), watermarks, () => recountReadings(dependencies), webhooks];
  return async () => {
    const settled = await Promise.allSettled(parts.map((part) => part()));
    return settled.flatMap((part) => (part.status === 'fulfilled' ? part.value : []));
  };
}

async function backlogReadings({ processor, clock }: ApiDependencies): Promise<Reading[]> {
  const partitions = await processor.backlog();
  const nowMs = clock.nowMs();
  const sum = (name: 'entries' | 'bytes' | 'bytesMax') => partitions.reduce((total, each) => total + each[name], 0);
  const loops = Map.groupBy(
    partitions.flatMap((partition) => partition.loops),
    ({ name }) => name,
  );
  const byLoop = (value: (loop: { readonly entries: number; readonly oldestMs: number | null }) => number) =>
    [...loops].map(([loop, all]): [string, number[]] => [loop, all.map(value)]);
  const entries = byLoop((loop) => loop.entries).map(([loop, all]) => [loop, all.reduce((one, two) => one + two, 0)]);
  const ages = byLoop(({ oldestMs }) => (oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs) / 1000));
  const seconds = ages.map(([loop, all]) => [loop, Math.max(...all)]);
  return [
    gauge('footfall_journal_entries', 'Entries acknowledged and not yet taken in', sum('entries')),
    gauge('footfall_journal_bytes', 'Bytes of those entries', sum('bytes')),
    gauge('footfall_journal_limit_bytes', 'At which the journal takes no more', sum('bytesMax')),
    gauge('footfall_processor_lag_entries', 'Entries not yet taken in', Object.fromEntries(entries), 'loop'),
    gauge('footfall_processor_lag_seconds', 'Age of the oldest of them', Object.fromEntries(seconds), 'loop'),
  ];
}

function watermarkMeasure(dependencies: ApiDependencies): () => Promise<Reading[]> {
  const { clock, floorplan } = dependencies;
  const { plan } = floorplan;
  const coverage = new DoorwayCoverage(plan);
  const certainties = new Certainties({ ...dependencies, plan, coverage, rules: dependencies });
  let latest: Promise<Reading[]> | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;
  const read = async (): Promise<Reading[]> => {
    const atMs = clock.nowMs();
    const spaces = [...plan.spaces.values()].filter(({ retiredAtMs }) => retiredAtMs === null);
    const certain = await certainties.of(spaces.map(({ id }) => ({ spaceId: id, atMs, start: null })));
    const known = certain.flatMap(({ watermarkMs }) => (watermarkMs === null ? [] : [(atMs - watermarkMs) / 1000]));
    const watermark = { known: known.length, unknown: certain.length - known.length };
    return [
      gauge('footfall_spaces', 'Spaces; unknown: a DPU of it was never heard', watermark, 'watermark'),
      summary('footfall_watermark_lag_seconds', 'By how much the watermarks of the spaces are behind the clock', known),
    ];
  };
  return () => {
    if (latest === null || clock.monotonicMs() - readAtMs > WATERMARKS_EVERY_MS) {
      readAtMs = clock.monotonicMs();
      latest = read();
      latest.catch(() => {
        latest = null;
      });
    }
    return latest;
  };
}

async function recountReadings({ history }: ApiDependencies): Promise<Reading[]> {
  const open = await history.openRecounts();
  const sum = (name: 'eventsTotal' | 'eventsDone') => open.reduce((total, recount) => total + recount[name], 0);
  return [
    gauge('footfall_recounts_running', 'Recounts that are not done', open.length),
    gauge('footfall_recount_events', 'Events that those touch, an estimate', sum('eventsTotal')),
    gauge('footfall_recount_events_done', 'Of them, how many have been recounted', sum('eventsDone')),
  ];
}

/** `numbers` as quantiles over all of them at this moment. */
function summary(name: string, help: string, numbers: readonly number[]): Reading {
  const sorted = numbers.toSorted((one, two) => one - two);
  const quantiles = QUANTILES.map((quantile): Value => {
    const index = Math.max(0, Math.ceil(quantile * sorted.length) - 1);
    return { labels: { quantile: String(quantile) }, value: sorted[index] ?? 0 };
  });
  const total = sorted.reduce((sum, number) => sum + number, 0);
  const parts = [
    { name: `${name}_sum`, labels: {}, value: total },
    { name: `${name}_count`, labels: {}, value: sorted.length },
  ];
  return { name, help, type: 'summary', values: [...quantiles, ...parts] };
}
