// The simulation's side of the HTTP API: adding its building to the floor plan, and reading the counts of its spaces.
import { formatTimestamp } from '../timestamp.ts';
import type { ApiClient } from './api-client.ts';
import { type Building, type FloorplanDocument, floorplanOf, generateBuilding } from './building.ts';

/** Counts by space. */
export type Counts = ReadonlyMap<string, number>;

type Page = { readonly next: string | null; readonly results: readonly { space_id: string; count: number }[] };

/** The most that a page may hold (CONTRACT.md, Floor plan). */
const PAGE_SIZE = 5_000;

/** Adds a building of `dpus` doors to the floor plan; everything else in it stays as it is, the same building too. */
export async function raiseBuilding(api: ApiClient, dpus: number): Promise<Building> {
  const held = await api.call<FloorplanDocument>('GET', '/v1/floorplan');
  const building = generateBuilding(dpus, prefixNotRetired(held));
  const added = floorplanOf(building);
  const merged = {
    ...held,
    spaces: union(held.spaces, added.spaces),
    doorways: union(held.doorways, added.doorways),
    dpus: union(held.dpus, added.dpus),
  };
  await api.call('PUT', '/v1/floorplan', merged);
  return building;
}

/** `sim`, or `sim2` and so on: an id that is retired is never given out again. */
function prefixNotRetired({ spaces, doorways, dpus }: FloorplanDocument): string {
  const retired = [...spaces, ...doorways, ...dpus].filter((thing) => (thing.retired_at ?? null) !== null);
  const prefixes = new Set(retired.map(({ id }) => id.split('-', 1)[0]));
  for (let number = 1; ; number++) {
    const prefix = number === 1 ? 'sim' : `sim${number}`;
    if (!prefixes.has(prefix)) return prefix;
  }
}

function union<Thing extends { id: string }>(held: readonly Thing[], added: readonly Thing[]): Thing[] {
  const ids = new Set(held.map((thing) => thing.id));
  return [...held, ...added.filter((thing) => !ids.has(thing.id))];
}

/** The counts of all spaces of the building, at a moment or (null) now. */
export async function countsOf(api: ApiClient, building: Building, atMs: number | null): Promise<Counts> {
  const counts = new Map<string, number>();
  const at = atMs === null ? '' : `&at=${formatTimestamp(atMs)}`;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await api.call<Page>('GET', `/v1/spaces/counts?page_size=${PAGE_SIZE}${at}${after}`);
    for (const { space_id, count } of page.results) if (building.parents.has(space_id)) counts.set(space_id, count);
    cursor = page.next;
  }
  return counts;
}

/** Spaces whose count is not the true one, a line each. */
export function differencesOf(truth: Counts, counted: Counts): string[] {
  return [...truth]
    .filter(([space, count]) => counted.get(space) !== count)
    .map(([space, count]) => `${space} has ${count} people in it, the service says ${counted.get(space) ?? 'nothing'}`);
}
