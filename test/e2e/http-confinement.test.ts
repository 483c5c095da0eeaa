// A key confined to one space sees and changes nothing beyond it, on any route: the table has a row for every operation
// of the OpenAPI document, and a route without one fails.
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_KEY, furnish, OUR_EVENTS, THEIRS, withKey } from '../support/confined.ts';
import { type Client, httpClient } from '../support/http.ts';
import { startReceiver } from '../support/receiver.ts';
import { type Service, startService } from '../support/service.ts';

type Case = [path: string, status: number, body?: object | undefined];

const RANGE = 'start_time=2026-03-02T00:00:00Z&end_time=2026-03-03T00:00:00Z';
const SPAN = { from: '2026-03-02T05:00:00Z', until: '2026-03-02T06:00:00Z' };
const DOOR = { doorway_id: 'ours-door', facing: 'a' };
const AT = { at: '2026-03-02T08:00:00Z', count: 0 };
const EVENT = { timestamp: '2026-03-02T12:00:00Z', direction: 1, seq: 5 };

/** A route of something that `:id` names, asked for ours and for theirs. */
const item = (path: string, ours: string, theirs: string, body?: object, status = 200): Case[] => [
  [path.replace(':id', ours), status, body],
  [path.replace(':id', theirs), 404, body],
];
/** A route that no confined key may use. */
const closed = (path: string, body?: object): Case[] => [[path, 403, body]];

/** In this order, because some make what others take away. Theirs is 404, what concerns more than ours 403. */
const TABLE: Record<string, Case[]> = {
  'get /healthz': [['/healthz', 200]],
  'get /readyz': [['/readyz', 200]],
  'get /v1/spaces': [['/v1/spaces?include=retired', 200]],
  'get /v1/spaces/{id}': item('/v1/spaces/:id', 'ours', 'theirs'),
  'get /v1/spaces/{id}/versions': item('/v1/spaces/:id/versions', 'ours', 'theirs'),
  'get /v1/spaces/{id}/count': item('/v1/spaces/:id/count', 'ours', 'theirs'),
  'get /v1/spaces/{id}/counts': item(`/v1/spaces/:id/counts?${RANGE}&interval=1h`, 'ours', 'theirs'),
  'get /v1/spaces/{id}/count/explain': item('/v1/spaces/:id/count/explain', 'ours', 'house'),
  'get /v1/spaces/{id}/drift': item('/v1/spaces/:id/drift', 'ours', 'theirs'),
  'get /v1/spaces/{id}/events': item('/v1/spaces/:id/events', 'ours', 'theirs'),
  'get /v1/spaces/{id}/resets': item('/v1/spaces/:id/resets', 'ours', 'theirs'),
  'get /v1/spaces/{id}/resets/{mark_id}': [
    ...item('/v1/spaces/:id/resets/ours-reset', 'ours', 'theirs'),
    ['/v1/spaces/ours/resets/theirs-reset', 404],
  ],
  'get /v1/spaces/counts': [
    ['/v1/spaces/counts?include=today', 200],
    ['/v1/spaces/counts?space_ids=ours,theirs', 404],
  ],
  'get /v1/health/spaces': [
    [`/v1/health/spaces?${RANGE}`, 200],
    [`/v1/health/spaces?${RANGE}&space_ids=theirs`, 404],
  ],
  'get /v1/doorways': [['/v1/doorways', 200]],
  'get /v1/doorways/{id}': [...item('/v1/doorways/:id', 'ours-door', 'theirs-door'), ['/v1/doorways/shared-door', 200]],
  'get /v1/doorways/{id}/versions': item('/v1/doorways/:id/versions', 'shared-door', 'theirs-door'),
  'get /v1/dpus': [['/v1/dpus', 200]],
  'get /v1/dpus/{id}': [...item('/v1/dpus/:id', 'ours-dpu', 'theirs-dpu'), ['/v1/dpus/moved-dpu', 200]],
  'get /v1/dpus/{id}/events': [
    ...item('/v1/dpus/:id/events', 'ours-dpu', 'theirs-dpu'),
    ['/v1/dpus/moved-dpu/events?by=received', 200],
  ],
  'get /v1/dpus/{id}/placements': item('/v1/dpus/:id/placements', 'moved-dpu', 'theirs-dpu'),
  'get /v1/dpus/{id}/placements/{placement_id}': [
    ['/v1/dpus/ours-dpu/placements/ours-placement', 200],
    ['/v1/dpus/theirs-dpu/placements/theirs-placement', 404],
  ],
  'get /v1/dpus/{id}/voids': item('/v1/dpus/:id/voids', 'moved-dpu', 'theirs-dpu'),
  'get /v1/dpus/{id}/voids/{mark_id}': [
    ['/v1/dpus/ours-dpu/voids/ours-void', 200],
    ['/v1/dpus/theirs-dpu/voids/theirs-void', 404],
  ],
  'get /v1/dpus/{id}/outages': item('/v1/dpus/:id/outages', 'ours-dpu', 'theirs-dpu'),
  'get /v1/dpus/{id}/outages/{mark_id}': [['/v1/dpus/theirs-dpu/outages/x', 404]],
  'get /v1/dpus/status': [
    ['/v1/dpus/status', 200],
    ['/v1/dpus/status?online=false&placed=true', 200],
  ],
  'get /v1/dpus/{id}/status': [
    ...item('/v1/dpus/:id/status', 'ours-dpu', 'theirs-dpu'),
    ['/v1/dpus/moved-dpu/status', 200],
  ],
  'get /v1/dpus/{id}/commands': [
    ...item('/v1/dpus/:id/commands', 'ours-dpu', 'theirs-dpu'),
    ['/v1/dpus/moved-dpu/commands', 403],
  ],
  'get /v1/dpus/{id}/commands/{command_id}': [
    ['/v1/dpus/ours-dpu/commands/none', 404],
    ['/v1/dpus/theirs-dpu/commands/none', 404],
    ['/v1/dpus/shared-dpu/commands/none', 403],
  ],
  'get /v1/floorplan': [['/v1/floorplan', 200]],
  'get /v1/events': [
    ['/v1/events', 200],
    ['/v1/events?by=received&order=desc', 200],
  ],
  'get /v1/facts': [['/v1/facts', 200]],
  'get /v1/changes': [
    ['/v1/changes', 200],
    ['/v1/changes?space_ids=theirs', 404],
  ],
  'get /v1/live': [
    ['/v1/live?last_event_id=none', 400],
    ['/v1/live?space_ids=theirs', 404],
  ],
  'get /v1/recounts': [['/v1/recounts', 200]],
  'get /v1/recounts/{id}': [['/v1/recounts/1', 404]],
  'get /v1/quarantine': closed('/v1/quarantine'),
  'post /v1/quarantine/replay': closed('/v1/quarantine/replay', { reason: 'malformed' }),
  'get /v1/audit': closed('/v1/audit'),
  'get /v1/keys': closed('/v1/keys'),
  'post /v1/keys': closed('/v1/keys', { scopes: ['read'] }),
  'delete /v1/keys/{id}': closed('/v1/keys/x'),
  'get /v1/webhooks': [['/v1/webhooks', 200]],
  'post /v1/webhooks': [
    ['/v1/webhooks', 201, { url: 'https://ours.example/', types: ['count'], space_ids: ['ours'] }],
    ['/v1/webhooks', 404, { url: 'https://ours.example/', types: ['count'], space_ids: ['theirs'] }],
    [
      '/v1/webhooks',
      404,
      { url: 'https://ours.example/', types: ['count'], thresholds: [{ space_id: 'theirs', above: 1 }] },
    ],
  ],
  'get /v1/webhooks/{id}': [['/v1/webhooks/theirs', 404]],
  'patch /v1/webhooks/{id}': [['/v1/webhooks/theirs', 404, { enabled: false }]],
  'delete /v1/webhooks/{id}': [['/v1/webhooks/theirs', 404]],
  'post /v1/webhooks/{id}/secret': [['/v1/webhooks/theirs/secret', 404]],
  'post /v1/webhooks/{id}/test': [['/v1/webhooks/theirs/test', 404]],
  'get /v1/webhooks/{id}/deliveries': [['/v1/webhooks/theirs/deliveries', 404]],
  'get /v1/webhooks/{id}/deliveries/{delivery_id}': [['/v1/webhooks/theirs/deliveries/1', 404]],
  'post /v1/webhooks/{id}/deliveries/{delivery_id}/replay': [['/v1/webhooks/theirs/deliveries/1/replay', 404]],
  'post /v1/verify': closed('/v1/verify'),
  'post /v1/rebuild': closed('/v1/rebuild'),
  'put /v1/floorplan': closed('/v1/floorplan', {}),
  'post /v1/spaces': [
    ['/v1/spaces', 201, { id: 'ours-new', parent_id: 'ours' }],
    ['/v1/spaces', 404, { id: 'other', parent_id: 'theirs' }],
    ['/v1/spaces', 403, { id: 'other' }],
  ],
  'put /v1/spaces/{id}': [
    ['/v1/spaces/ours-new', 200, { parent_id: 'ours', capacity: 3 }],
    ['/v1/spaces/ours-newer', 201, { parent_id: 'ours-new' }],
    ['/v1/spaces/theirs', 404, {}],
    ['/v1/spaces/other', 403, {}],
  ],
  'patch /v1/spaces/{id}': [
    ...item('/v1/spaces/:id', 'ours', 'theirs', { name: 'A name', time_zone: 'Europe/Berlin' }),
    ['/v1/spaces/ours-newer', 200, { parent_id: 'ours' }],
    ['/v1/spaces/ours-newer', 404, { parent_id: 'theirs' }],
    ['/v1/spaces/ours-newer', 403, { parent_id: null }],
    ['/v1/spaces/ours', 422, { parent_id: 'ours-room' }],
    ['/v1/spaces/ours?dry_run=true', 200, { daily_reset: '04:00' }],
  ],
  'delete /v1/spaces/{id}': item('/v1/spaces/:id', 'ours-newer', 'theirs', undefined, 204),
  'post /v1/doorways': [
    ['/v1/doorways', 201, { id: 'ours-hatch', a: 'ours-new', b: 'ours' }],
    ['/v1/doorways', 404, { id: 'other', a: 'ours', b: 'theirs' }],
  ],
  'put /v1/doorways/{id}': [
    ['/v1/doorways/ours-hatch', 200, { a: 'ours-new', b: null }],
    ['/v1/doorways/theirs-door', 404, { a: 'ours', b: null }],
    ['/v1/doorways/shared-door', 403, { a: 'ours', b: null }],
  ],
  'patch /v1/doorways/{id}': [
    ['/v1/doorways/ours-hatch', 200, { name: 'A name' }],
    ['/v1/doorways/theirs-door', 404, { name: 'A name' }],
    ['/v1/doorways/shared-door', 403, { name: 'A name' }],
  ],
  'delete /v1/doorways/{id}': [
    ...item('/v1/doorways/:id', 'ours-hatch', 'theirs-door', undefined, 204),
    ['/v1/doorways/shared-door', 403],
  ],
  'post /v1/dpus': closed('/v1/dpus', { id: 'ours-another' }),
  'put /v1/dpus/{id}': [
    ...item('/v1/dpus/:id', 'ours-dpu', 'theirs-dpu', { name: 'A name' }),
    ['/v1/dpus/moved-dpu', 403, { name: 'A name' }],
    ['/v1/dpus/other', 404, {}],
  ],
  'patch /v1/dpus/{id}': [
    ...item('/v1/dpus/:id', 'ours-dpu', 'theirs-dpu', { name: 'Another' }),
    ['/v1/dpus/shared-dpu', 403, { name: 'Another' }],
  ],
  'post /v1/dpus/{id}/events': [
    ...item('/v1/dpus/:id/events', 'ours-dpu', 'theirs-dpu', EVENT, 202),
    ['/v1/dpus/nobody/events', 404, EVENT],
    ['/v1/dpus/shared-dpu/events', 403, EVENT],
  ],
  'post /v1/dpus/{id}/secret': [
    ...item('/v1/dpus/:id/secret', 'ours-dpu', 'theirs-dpu', undefined, 201),
    ['/v1/dpus/moved-dpu/secret', 403],
  ],
  'delete /v1/dpus/{id}/secret': [
    ...item('/v1/dpus/:id/secret', 'ours-dpu', 'theirs-dpu', undefined, 204),
    ['/v1/dpus/moved-dpu/secret', 403],
  ],
  'post /v1/dpus/secrets': closed('/v1/dpus/secrets', { dpus: [{ id: 'ours-dpu' }] }),
  'post /v1/dpus/{id}/commands': [
    ...item('/v1/dpus/:id/commands', 'ours-dpu', 'theirs-dpu', { command: 'restart' }, 202),
    ['/v1/dpus/shared-dpu/commands', 403, { command: 'restart', arguments: { dpu_id: 'ours-dpu' } }],
  ],
  'delete /v1/dpus/{id}/commands/{command_id}': [
    ['/v1/dpus/ours-dpu/commands/none', 404],
    ['/v1/dpus/theirs-dpu/commands/none', 404],
    ['/v1/dpus/moved-dpu/commands/none', 403],
  ],
  'post /v1/dpus/{id}/placements': [
    ...item('/v1/dpus/:id/placements?dry_run=true', 'ours-dpu', 'theirs-dpu', { ...DOOR, facing: 'b' }),
    ['/v1/dpus/ours-dpu/placements', 404, { ...DOOR, doorway_id: 'theirs-door' }],
    ['/v1/dpus/ours-dpu/placements', 403, { ...DOOR, doorway_id: 'shared-door' }],
    ['/v1/dpus/moved-dpu/placements', 403, DOOR],
  ],
  'put /v1/dpus/{id}/placements/{placement_id}': [
    ['/v1/dpus/ours-dpu/placements/ours-second', 201, { ...DOOR, from: '2026-03-03T00:00:00Z' }],
    ['/v1/dpus/ours-dpu/placements/theirs-placement', 409, DOOR],
    ['/v1/dpus/theirs-dpu/placements/theirs-placement', 404, DOOR],
  ],
  'patch /v1/dpus/{id}/placements/{placement_id}': [
    ['/v1/dpus/ours-dpu/placements/ours-second', 200, { facing: 'b' }],
    ['/v1/dpus/theirs-dpu/placements/theirs-placement', 404, { facing: 'b' }],
    ['/v1/dpus/ours-dpu/placements/theirs-placement', 404, { facing: 'b' }],
  ],
  'delete /v1/dpus/{id}/placements/{placement_id}': [
    ['/v1/dpus/ours-dpu/placements/ours-second', 204],
    ['/v1/dpus/theirs-dpu/placements/theirs-placement', 404],
  ],
  'post /v1/dpus/{id}/voids': [
    ...item('/v1/dpus/:id/voids', 'ours-dpu', 'theirs-dpu', SPAN, 201),
    ['/v1/dpus/moved-dpu/voids', 403, SPAN],
  ],
  'post /v1/dpus/{id}/voids/{mark_id}/revoke': [
    ['/v1/dpus/ours-dpu/voids/ours-void/revoke', 200],
    ['/v1/dpus/theirs-dpu/voids/theirs-void/revoke', 404],
  ],
  'post /v1/dpus/{id}/outages': [
    ...item('/v1/dpus/:id/outages', 'ours-dpu', 'theirs-dpu', SPAN, 201),
    ['/v1/dpus/shared-dpu/outages', 403, SPAN],
  ],
  'post /v1/dpus/{id}/outages/{mark_id}/revoke': [['/v1/dpus/theirs-dpu/outages/x/revoke', 404]],
  'post /v1/spaces/{id}/resets': item('/v1/spaces/:id/resets', 'ours', 'theirs', AT, 201),
  'post /v1/spaces/{id}/resets/{mark_id}/revoke': [
    ['/v1/spaces/ours/resets/ours-reset/revoke', 200],
    ['/v1/spaces/theirs/resets/theirs-reset/revoke', 404],
  ],
  'delete /v1/dpus/{id}': [
    ...item('/v1/dpus/:id', 'ours-dpu', 'theirs-dpu', undefined, 204),
    ['/v1/dpus/shared-dpu', 403],
  ],
};

let service: Service;
let admin: Client;
let confined: Client;
let theirsBefore: unknown;

const theirs = async (): Promise<unknown> => {
  const document = await admin.get('/v1/floorplan');
  const isTheirs = ({ id, space_id }: { id: string; space_id?: string }) => !(space_id ?? id).startsWith('ours');
  const parts = Object.entries(document as Record<string, { id: string }[]>).map(([name, things]) => [
    name,
    things.filter(isTheirs),
  ]);
  return Object.fromEntries(parts);
};

beforeAll(async () => {
  service = await startService({
    environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY, FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' },
  });
  const client = httpClient(service.httpUrl);
  admin = withKey(client, ADMIN_KEY);
  await furnish(admin);
  theirsBefore = await theirs();
  const { key } = await admin.post('/v1/keys', { scopes: ['manage', 'ingest'], root_space_id: 'ours' });
  confined = withKey(client, key);
});
afterAll(() => service.stop());

test('every operation has a row', async () => {
  const { paths } = await admin.get('/openapi.json');
  const operations = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(Object.keys(TABLE).toSorted()).toEqual(operations.toSorted());
});

test('events are those that touch it, whatever else their DPU saw', async () => {
  for (const by of ['timestamp', 'received']) {
    expect(await confined.get(`/v1/events?by=${by}&page_size=1`)).toMatchObject({ total: OUR_EVENTS });
  }
  expect((await confined.get('/v1/dpus/moved-dpu/events')).results).toMatchObject([{ seq: 4 }]);
  const first = await confined.get('/v1/events?page_size=3');
  const rest = await confined.get(`/v1/events?page_size=3&cursor=${first.next}`);
  expect([...first.results, ...rest.results].map(({ seq }) => seq)).toEqual([2, 1, 3, 4]);
});

test('what lies beyond is the outside', async () => {
  expect(await confined.get('/v1/doorways/shared-door')).toMatchObject({ a: 'ours', b: null });
  expect(await confined.get('/v1/spaces/ours')).toMatchObject({ parent_id: null });
  expect((await confined.get('/v1/dpus/moved-dpu/placements')).results).toMatchObject([{ doorway_id: 'ours-exit' }]);
  const [ours, all] = [await confined.get('/v1/spaces/ours/count'), await admin.get('/v1/spaces/ours/count')];
  expect([ours.count, ours.count]).toEqual([2, all.count]);
});

test.each(Object.entries(TABLE))('%s', async (operation, cases) => {
  const method = String(operation.split(' ')[0]).toUpperCase();
  for (const [path, status, body] of cases) {
    const answer = await confined.call(method, path, body);
    const text = JSON.stringify(answer.body);
    expect([path, answer.status, answer.status === status ? '' : text]).toEqual([path, status, '']);
    if (status !== 404) expect([path, THEIRS.exec(text)?.[0]]).toEqual([path, undefined]);
    // What is theirs is answered like what is not there at all, except that its id is taken.
    if (status !== 404 || method === 'PUT') continue;
    const unnamed = (from: unknown) => JSON.parse(JSON.stringify(from ?? null).replaceAll(/theirs|house/g, 'nowhere'));
    const nowhere = await confined.call(method, unnamed(path), body === undefined ? undefined : unnamed(body));
    expect([nowhere.status, nowhere.body]).toEqual([404, unnamed(answer.body)]);
  }
});

test('nothing of theirs was changed', async () => {
  expect(await theirs()).toEqual(theirsBefore);
});

test('a key is confined to a space that there is, and is never an administrator', async () => {
  const make = (body: object) => admin.call('POST', '/v1/keys', body);
  const none = await make({ scopes: ['read'], root_space_id: 'none' });
  expect([none.status, none.body.code, none.body.errors[0].path]).toEqual([
    404,
    'space_not_found',
    'body.root_space_id',
  ]);
  expect((await make({ scopes: ['admin'], root_space_id: 'ours' })).body.errors[0].path).toBe('body.scopes');
  const { results } = await admin.get('/v1/keys');
  expect(results).toMatchObject([{ root_space_id: 'ours' }]);
});

test('a webhook tells what the key could see that made it, and is seen by who sees as much', async () => {
  await using receiver = await startReceiver();
  const { id } = await confined.post('/v1/webhooks', { url: receiver.url, types: ['count', 'change'] });
  const { id: whole } = await admin.post('/v1/webhooks', { url: receiver.url, types: ['webhook.disabled'] });
  for (const dpu of ['theirs-dpu', 'moved-dpu']) {
    await admin.post(`/v1/dpus/${dpu}/events`, { timestamp: '2026-03-02T13:00:00Z', direction: 1, seq: 666 });
  }
  await vi.waitFor(() => expect(receiver.ofType('change').length).toBeGreaterThan(0), { timeout: 10_000 });
  await vi.waitFor(() => expect(receiver.ofType('count').length).toBeGreaterThan(0), { timeout: 10_000 });
  expect(THEIRS.exec(JSON.stringify(receiver.taken))).toBe(null);
  const seen = (await confined.get('/v1/webhooks')).results.map((webhook: { id: string }) => webhook.id);
  expect([seen.includes(id), seen.includes(whole)]).toEqual([true, false]);
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', { enabled: false }],
    ['DELETE', '', undefined],
    ['GET', '/deliveries', undefined],
    ['POST', '/secret', {}],
    ['POST', '/test', {}],
  ] as const) {
    expect([path, (await confined.call(method, `/v1/webhooks/${whole}${path}`, body)).status]).toEqual([path, 404]);
  }
  await admin.delete(`/v1/webhooks/${whole}`);
  await confined.delete(`/v1/webhooks/${id}`);
});

test('what a DPU does is shown while it counts for the space, and no longer', async () => {
  await admin.post('/v1/dpus', { id: 'left-dpu' });
  await admin.post('/v1/dpus/left-dpu/placements', { doorway_id: 'ours-exit', facing: 'a' });
  const { secret } = await admin.post('/v1/dpus/left-dpu/secret');
  const login = { clientId: 'left-dpu', username: 'left-dpu', password: secret, reconnectPeriod: 0 };
  const there = await connectAsync(service.mqttUrl, login);
  const listed = async (query: string): Promise<string[]> =>
    (await confined.get(`/v1/dpus/status?${query}`)).results.map(({ dpu_id }: { dpu_id: string }) => dpu_id);
  const ever = `not_heard_since=${Date.now() + 3_600_000}`;
  await vi.waitFor(async () => expect(await listed('online=true')).toEqual(['left-dpu']), { timeout: 10_000 });
  expect(await listed(ever)).toContain('left-dpu');
  expect(await confined.get('/v1/dpus/left-dpu/status')).toMatchObject({ online: true, address: '127.0.0.1' });

  await admin.post('/v1/dpus/left-dpu/placements', { doorway_id: 'theirs-door', facing: 'a', from: Date.now() });
  const nothing = { online: null, since: null, last_heard: null, address: null, mqtt_version: null, refusals: {} };
  expect(await confined.get('/v1/dpus/left-dpu/status')).toMatchObject({ placed: false, ...nothing });
  const { results } = await confined.get('/v1/dpus/status');
  expect(results.find(({ dpu_id }: { dpu_id: string }) => dpu_id === 'left-dpu')).toMatchObject(nothing);
  for (const query of ['online=true', 'online=false', 'placed=true', ever])
    expect(await listed(query)).not.toContain('left-dpu');
  expect(await admin.get('/v1/dpus/left-dpu/status')).toMatchObject({ online: true, address: '127.0.0.1' });
  await there.endAsync();
});

test('a space that moves takes the sight of it along', async () => {
  expect((await confined.call('GET', '/v1/spaces/ours-room/count')).status).toBe(200);
  await admin.patch('/v1/spaces/ours-room', { parent_id: 'theirs' });
  expect((await confined.call('GET', '/v1/spaces/ours-room/count')).status).toBe(404);
  await admin.patch('/v1/spaces/ours-room', { parent_id: 'ours' });
  expect((await confined.call('GET', '/v1/spaces/ours-room/count')).status).toBe(200);
});
