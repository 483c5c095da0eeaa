// The OpenAPI document: it names every route, every reference in it leads somewhere, and real answers keep to it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import {
  bucketAnswer,
  countAnswer,
  doorwayAnswer,
  dpuAnswer,
  eventAnswer,
  floorplanAnswer,
  listOf,
  placementAnswer,
  problemAnswer,
  quarantineAnswer,
  resetAnswer,
  spaceAnswer,
  spaceVersionAnswer,
  voidAnswer,
} from '../../api/answers.ts';
import { PROBLEMS } from '../../api/problem.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

type Json = { readonly [key: string]: Json };

let service: Service;
let client: Client;
let document: Json;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
  document = await client.get('/openapi.json');
});
afterAll(() => service.stop());

test('it is OpenAPI 3.1 and has the routes of the contract', () => {
  expect(document['openapi']).toMatch(/^3\.1\./);
  const operations = Object.entries(document['paths'] ?? {}).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  const things = ['spaces', 'doorways', 'dpus'].flatMap((list) => [
    `get /v1/${list}`,
    `post /v1/${list}`,
    ...['get', 'put', 'patch', 'delete'].map((method) => `${method} /v1/${list}/{id}`),
  ]);
  const others = `get /v1/spaces/{id}/versions, get /v1/doorways/{id}/versions, get /v1/spaces/{id}/count,
    get /v1/spaces/counts, get /v1/spaces/{id}/counts, get /v1/spaces/{id}/events, get /v1/dpus/{id}/events,
    post /v1/dpus/{id}/events, get /v1/events, get /v1/spaces/{id}/resets, post /v1/spaces/{id}/resets,
    get /v1/dpus/{id}/placements, post /v1/dpus/{id}/placements, get /v1/dpus/{id}/voids, post /v1/dpus/{id}/voids,
    get /v1/floorplan, put /v1/floorplan, get /v1/quarantine, post /v1/quarantine/replay, get /healthz, get /readyz`;
  expect(operations).toEqual(expect.arrayContaining([...things, ...others.split(/,\s*/)]));
});

/** Every value of `key` anywhere in the document. */
function valuesOf(key: string, part: unknown): unknown[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => (name === key ? [value] : valuesOf(key, value)));
}

test('every reference leads to a schema, and every schema is referred to', () => {
  const named = ['schemas', 'examples'].flatMap((kind) =>
    Object.keys(document['components']?.[kind] ?? {}).map((name) => `#/components/${kind}/${name}`),
  );
  expect([...new Set(valuesOf('$ref', document))].toSorted()).toEqual(named.toSorted());
});

test('every operation says that it may answer with a problem, and the problem names every code', () => {
  for (const methods of Object.values(document['paths'] ?? {})) {
    for (const operation of Object.values(methods)) {
      expect(operation['summary']).toBeTypeOf('string');
      expect(operation['responses']?.['default']?.['content']).toHaveProperty('application/problem+json');
    }
  }
  const codes = document['components']?.['schemas']?.['Problem']?.['properties']?.['code']?.['enum'];
  expect(codes).toEqual(Object.keys(PROBLEMS));
});

const ANSWERS: [path: string, schema: z.ZodType][] = [
  ['/v1/spaces', listOf(spaceAnswer)],
  ['/v1/spaces?include=retired', listOf(spaceAnswer)],
  ['/v1/spaces/A/versions', listOf(spaceVersionAnswer)],
  ['/v1/doorways/X', doorwayAnswer],
  ['/v1/dpus', listOf(dpuAnswer)],
  ['/v1/dpus/1/placements', listOf(placementAnswer)],
  ['/v1/dpus/1/voids', listOf(voidAnswer)],
  ['/v1/spaces/A/resets', listOf(resetAnswer)],
  ['/v1/floorplan', floorplanAnswer],
  ['/v1/spaces/A/count', countAnswer],
  ['/v1/spaces/counts?include=today', listOf(countAnswer)],
  [
    '/v1/spaces/A/counts?start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z&interval=1h',
    listOf(bucketAnswer),
  ],
  ['/v1/events', listOf(eventAnswer)],
  ['/v1/quarantine', listOf(quarantineAnswer)],
  ['/v1/spaces/none', problemAnswer],
];

test('answers are what it says, no field more and none less', async () => {
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A', daily_reset: '04:00' }, { id: 'B' }],
    doorways: [{ id: 'X', a: 'A', b: 'B' }],
    dpus: [{ id: '1', placements: [{ doorway_id: 'X', facing: 'a' }], voids: [{ from: 1, until: 2 }] }],
    resets: [{ space_id: 'A', at: 5, count: 1 }],
  });
  await client.patch('/v1/spaces/A', { parent_id: 'B', effective_from: 9 });
  await client.delete('/v1/spaces/B');
  await client.post('/v1/dpus/1/events', [{ timestamp: '2026-01-01T08:00:00Z', direction: 1 }, {}]);
  await untilStored(client, 1);
  for (const [path, schema] of ANSWERS) {
    const { body } = await client.call('GET', path);
    if ('total' in body) expect([path, body.total > 0]).toEqual([path, true]);
    expect([path, schema.parse(body)]).toEqual([path, body]);
  }
});
