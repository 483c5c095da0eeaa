// Readings as they add up, and buckets as Prometheus reads them.
import { expect, test } from 'vitest';
import { WorkerReadings } from '../../broker/worker-readings.ts';
import { Buckets } from '../../shared/metrics/buckets.ts';
import { addUp, counter, gauge, type Reading } from '../../shared/metrics/reading.ts';

/** By the bound of each bucket, what is at or below it. */
function bucketsOf(buckets: Buckets): Record<string, number> {
  const values = buckets.values('t').filter(({ name }) => name === 't_bucket');
  return Object.fromEntries(values.map(({ labels, value }) => [labels['le'] ?? '', value]));
}

test('an observation is in the bucket of its bound and in all above it', () => {
  const buckets = new Buckets();
  for (const ms of [0.5, 0.51, 2, 10_000]) buckets.observe(ms);
  buckets.observe(10_001, 3);
  expect(bucketsOf(buckets)).toMatchObject({ '0.0005': 1, '0.001': 2, '0.002': 3, '5': 3, '10': 4, '+Inf': 7 });
  const [sum, count] = buckets.values('t', { route: '/' }).slice(-2);
  expect(count).toEqual({ name: 't_count', labels: { route: '/' }, value: 7 });
  expect(sum?.value).toBeCloseTo((0.5 + 0.51 + 2 + 10_000 + 3 * 10_001) / 1000);
});

test('readings of one name add up label by label', () => {
  const one = counter('refused', 'help', { memory: 1, keepalive: 2 }, 'reason');
  const other = counter('refused', 'help', { keepalive: 3, taken_over: 4 }, 'reason');
  expect(addUp([one, gauge('open', 'help', 5), other, gauge('open', 'help', 6)])).toEqual([
    counter('refused', 'help', { memory: 1, keepalive: 5, taken_over: 4 }, 'reason'),
    gauge('open', 'help', 11),
  ]);
});

test('what a worker counted stays when it ends, what it has goes with it, and one that does not answer is as it was', async () => {
  const readings = (count: number): Reading[] => [counter('counted', '', count), gauge('has', '', count)];
  const answers = new Map<string, number>([
    ['one', 1],
    ['two', 2],
  ]);
  const workers: WorkerReadings<string> = new WorkerReadings((worker) => {
    const count = answers.get(worker);
    if (count !== undefined) workers.told(worker, readings(count));
  });
  const measured = async () => (await workers.measure()).map(({ values }) => values[0]?.value);
  workers.joined('one');
  workers.joined('two');
  expect(await measured()).toEqual([3, 3]);
  workers.left('one');
  answers.delete('two');
  expect(await measured()).toEqual([3, 2]);
  workers.joined('another');
  answers.set('another', 10);
  answers.set('two', 4);
  expect(await measured()).toEqual([15, 14]);
});
