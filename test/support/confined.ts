// A building of two tenants for tests of confined keys: `ours` is what the key may see, everything that is named or marked
// `theirs` (and the house around both) is not.
import { type Answer, type Client, untilStored } from './http.ts';

export const ADMIN_KEY = 'an-admin-key-for-tests';
/** What no answer to a confined key may hold: names of theirs, and the mark of their events. */
export const THEIRS = /theirs|Theirs|house|"seq":666/;

const T = '2026-03-02T';
const mark = (reason: string) => ({ from: `${T}03:00:00Z`, until: `${T}04:00:00Z`, reason });

const PLAN = {
  spaces: [
    { id: 'house', name: 'The house' },
    { id: 'ours', parent_id: 'house' },
    { id: 'ours-room', parent_id: 'ours' },
    { id: 'theirs', name: 'Theirs', parent_id: 'house' },
    { id: 'theirs-room', parent_id: 'theirs' },
  ],
  doorways: [
    { id: 'ours-door', a: 'ours-room', b: 'ours' },
    { id: 'ours-exit', a: 'ours', b: null },
    { id: 'shared-door', a: 'ours', b: 'theirs' },
    { id: 'theirs-door', a: 'theirs-room', b: 'theirs' },
  ],
  dpus: [
    {
      id: 'ours-dpu',
      placements: [{ id: 'ours-placement', doorway_id: 'ours-door', facing: 'a' }],
      voids: [{ id: 'ours-void', ...mark('ours') }],
    },
    { id: 'shared-dpu', placements: [{ doorway_id: 'shared-door', facing: 'a' }] },
    {
      id: 'theirs-dpu',
      placements: [{ id: 'theirs-placement', doorway_id: 'theirs-door', facing: 'a' }],
      voids: [{ id: 'theirs-void', ...mark('theirs') }],
    },
    {
      id: 'moved-dpu',
      placements: [
        { doorway_id: 'theirs-door', facing: 'a', until: `${T}10:00:00Z` },
        { doorway_id: 'ours-exit', facing: 'a', from: `${T}10:00:00Z` },
      ],
      voids: [{ ...mark('theirs') }],
    },
  ],
  resets: [
    { id: 'ours-reset', space_id: 'ours', at: `${T}00:00:00Z`, count: 0 },
    { id: 'theirs-reset', space_id: 'theirs', at: `${T}00:00:00Z`, count: 0, reason: 'theirs' },
  ],
};

/** DPU, hour, and whether it is an event of theirs. */
const EVENTS: [dpu: string, time: string, seq: number][] = [
  ['ours-dpu', '09:00:00Z', 1],
  ['ours-dpu', '03:30:00Z', 2],
  ['shared-dpu', '09:10:00Z', 3],
  ['theirs-dpu', '09:20:00Z', 666],
  ['moved-dpu', '09:30:00Z', 666],
  ['moved-dpu', '10:30:00Z', 4],
];
/** Of those, what `ours` shows. */
export const OUR_EVENTS = 4;

/** Puts the building and its events into a service that has ADMIN_KEY. */
export async function furnish(admin: Client): Promise<void> {
  await admin.put('/v1/floorplan', PLAN);
  await admin.patch('/v1/spaces/theirs', { name: 'Theirs by name' });
  await admin.post('/v1/dpus/ours-dpu/outages', { ...mark('ours') });
  await admin.post('/v1/dpus/theirs-dpu/outages', { ...mark('theirs') });
  for (const [dpu, time, seq] of EVENTS) {
    await admin.post(`/v1/dpus/${dpu}/events`, { timestamp: T + time, direction: 1, seq });
  }
  await admin.post('/v1/dpus/theirs-unknown/events', { timestamp: `${T}09:00:00Z`, direction: 1 });
  await untilStored(admin, EVENTS.length);
}

/** A client that sends a key with everything. */
export function withKey(client: Client, key: string): Client {
  const call: Client['call'] = (method, path, body, headers = {}) =>
    client.call(method, path, body, { authorization: `Bearer ${key}`, ...headers });
  const well = async (method: string, path: string, body?: unknown): Promise<Answer['body']> => {
    const answer = await call(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    call,
    get: (path) => well('GET', path),
    post: (path, body) => well('POST', path, body),
    put: (path, body) => well('PUT', path, body),
    patch: (path, body) => well('PATCH', path, body),
    delete: (path) => well('DELETE', path),
  };
}
