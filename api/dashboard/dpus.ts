// The sensors: which doorway each watches, found by name, and the way to move one.
import type { Building } from './building.ts';
import { make, replace } from './element.ts';
import { listView, nothing, tableOf } from './list-view.ts';
import { openMove } from './move.ts';
import { ask } from './service.ts';
import type { Doorway, Dpu, Floorplan, Placement } from './shapes.ts';
import { momentText } from './zone.ts';

/** Rows that are shown of a large fleet; the search finds the others. */
const ROWS_MAX = 200;

export function dpuView(element: HTMLElement, building: Building): () => void {
  const search = make('input', { type: 'search', id: 'search', placeholder: 'Name, doorway, space' });
  const label = make('label', { for: 'search' }, 'Find ', search);
  const view = listView(
    element,
    'Sensors',
    'Each watches a doorway. Moving one may be entered afterwards: the past is counted again.',
    label,
  );
  let plan: Floorplan = { spaces: [], doorways: [], dpus: [] };
  const load = () =>
    view.load(async () => {
      plan = await ask<Floorplan>('GET', '/v1/floorplan');
      return rows();
    });
  const rows = () => {
    const doorways = new Map(plan.doorways.map((doorway) => [doorway.id, doorway]));
    const wanted = search.value.trim().toLowerCase();
    const all = plan.dpus
      .filter(({ retired_at }) => (retired_at ?? null) === null)
      .map((dpu) => ({ dpu, placement: placementNow(dpu, building.nowMs) }))
      .map(({ dpu, placement }) => ({ dpu, cells: cellsOf(dpu, placement, doorways, building) }))
      .filter(({ cells }) => wanted === '' || cells.join(' ').toLowerCase().includes(wanted));
    const shown = all
      .slice(0, ROWS_MAX)
      .map(({ dpu, cells }) => [
        ...cells,
        make(
          'button',
          { type: 'button', 'aria-label': `Move ${dpu.id}`, onclick: () => openMove(building, plan, dpu, load) },
          'Move…',
        ),
      ]);
    if (shown.length === 0)
      return [nothing(plan.dpus.length === 0 ? 'There are no sensors yet.' : 'No sensor is called so.')];
    const more = all.length > ROWS_MAX && make('p', { class: 'soft' }, `and ${all.length - ROWS_MAX} more`);
    return [tableOf('Sensors', ['Sensor', 'Name', 'Doorway', '+1 goes to', 'Since', 'Action'], shown), more];
  };
  search.addEventListener('input', () => replace(view.body, ...rows()));
  void load();
  return () => undefined;
}

/** The one with the latest beginning that covers the moment. */
export function placementNow({ placements }: Dpu, atMs: number): Placement | null {
  const startMs = ({ from }: Placement) => (from === null ? Number.NEGATIVE_INFINITY : Date.parse(from));
  const holds = placements.filter(
    (placement) => startMs(placement) <= atMs && (placement.until === null || Date.parse(placement.until) > atMs),
  );
  return holds.reduce<Placement | null>(
    (latest, one) => (latest !== null && startMs(latest) > startMs(one) ? latest : one),
    null,
  );
}

/** The side that a +1 goes to, in words. */
export function facedBy(facing: 'a' | 'b', doorway: Doorway | undefined, building: Building): string {
  if (doorway === undefined) return '';
  return building.nameOf(facing === 'a' ? doorway.a : doorway.b);
}

function cellsOf(
  dpu: Dpu,
  placement: Placement | null,
  doorways: ReadonlyMap<string, Doorway>,
  building: Building,
): string[] {
  if (placement === null) return [dpu.id, dpu.name, 'nowhere', '', ''];
  const doorway = doorways.get(placement.doorway_id);
  const since = placement.from === null ? 'ever' : momentText(Date.parse(placement.from), building.zoneOf(null));
  return [dpu.id, dpu.name, doorway?.name ?? placement.doorway_id, facedBy(placement.facing, doorway, building), since];
}
