// A program that uses the service through the client that is generated from its OpenAPI document. It is compiled beside that
// client by the test that runs it, so a route that changes its shape fails there; the lines that expect an error prove it.
import * as api from './api.ts';

type Answered<Answer> = Extract<Answer, { status: 200 | 201 | 202 }> extends { data: infer Data } ? Data : never;

/** The data of an answer, or an error that says which problem it was. */
async function well<Answer extends { status: number; data?: unknown }>(
  call: Promise<Answer>,
): Promise<Answered<Answer>> {
  const { status, data } = await call;
  if (status >= 300) throw new Error(`${status} ${(data as api.Problem).code}`);
  return data as Answered<Answer>;
}

export type Seen = {
  readonly count: number | null;
  readonly status: string | undefined;
  readonly series: readonly (number | null)[];
  readonly wouldBe: number | undefined;
  readonly problem: string;
  readonly events: number;
};

const [START, END] = ['2026-03-02T08:00:00Z', '2026-03-02T12:00:00Z'] as const;
const AT = '2026-03-02T11:00:00Z';

/** Makes a building, lets people in, and asks about them. */
export async function tour(baseUrl: string): Promise<Seen> {
  api.defaults.baseUrl = baseUrl;
  await well(api.postV1Spaces({ id: 'house', time_zone: 'Europe/Berlin' }, {}));
  await well(api.postV1Spaces({ id: 'cafe', parent_id: 'house', capacity: 30 }, {}));
  await well(api.postV1Doorways({ id: 'entrance', a: 'house', b: null }, {}));
  await well(api.postV1Dpus({ id: '423' }, {}));
  await well(api.postV1DpusByIdPlacements('423', { doorway_id: 'entrance', facing: 'a' }, {}));
  const times = ['2026-03-02T08:30:00Z', '2026-03-02T09:30:00Z', '2026-03-02T10:30:00Z'];
  const sent = await well(
    api.postV1DpusByIdEvents(
      '423',
      times.map((timestamp) => ({ timestamp, direction: 1 })),
    ),
  );
  if (sent.accepted !== times.length) throw new Error('not all were accepted');
  // @ts-expect-error: a doorway has two sides
  const oneSided = () => api.postV1Doorways({ id: 'x', a: 'house' }, {});
  // @ts-expect-error: there is no such interval
  const odd = () => api.getV1SpacesByIdCounts(START, END, '7m', 'house');
  for (const call of [oneSided, odd]) {
    const { status } = await call();
    if (status !== 400) throw new Error(`what does not compile is answered with ${status}`);
  }
  return look();
}

async function look(): Promise<Seen> {
  const count = await untilCounted(3);
  const series = await well(api.getV1SpacesByIdCounts(START, END, '1h', 'house'));
  const turned = { doorway_id: 'entrance', facing: 'b', from: '2026-03-02T09:00:00Z' } as const;
  const dryRun = await api.postV1DpusByIdPlacements('423', turned, { dryRun: 'true' });
  if (!('spaces' in dryRun.data)) throw new Error(`the dry run was answered with ${dryRun.status}`);
  const missing = await api.getV1SpacesByIdCount('attic', {});
  const events = await well(api.getV1Events({ pageSize: '2' }));
  const rest =
    events.next === null ? [] : (await well(api.getV1Events({ pageSize: '2', cursor: events.next }))).results;
  return {
    count: count.count,
    status: count.status,
    series: series.results.map((bucket) => bucket.count),
    wouldBe: dryRun.data.spaces[0]?.days[0]?.count_after,
    problem: 'code' in missing.data ? missing.data.code : 'none',
    events: events.results.length + rest.length,
  };
}

/** What was acknowledged is counted a moment later. */
async function untilCounted(count: number): Promise<api.Count> {
  for (;;) {
    const found = await well(api.getV1SpacesByIdCount('house', { at: AT }));
    if (found.count === count) return found;
  }
}
