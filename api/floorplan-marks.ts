// The second part of an import: placements, voids, outages and resets of everything that is in the document.
import { randomUUID } from 'node:crypto';
import type { Change, Outage, Placement, Reset, Void } from '../shared/fact.ts';
import type { Dpu, Floorplan, RecordedReset } from '../shared/floorplan.ts';
import type { DpuId, OutageId, PlacementId, ResetId, SpaceId, VoidId } from '../shared/ids.ts';
import { differenceOf, type Held, type Wanted } from './edit/match.ts';
import type { FloorplanDocument, OutageEntry, PlacementEntry, ResetEntry, VoidEntry } from './floorplan-document.ts';

type Without<Entry> = Omit<Entry, 'id'>;

/** An id for something that the service names. */
export function newId(): string {
  return randomUUID();
}

/** Withdrawals and revocations first, so that an id may go from one DPU to another. */
export function markChanges(plan: Floorplan, document: FloorplanDocument): Change[] {
  const dropped: Change[] = [];
  const added: Change[] = [];
  for (const { id, placements, voids, outages } of document.dpus) {
    const dpu = plan.dpus.get(id);
    placementChanges(dpu, id, placements, dropped, added);
    voidChanges(plan, dpu, id, voids, dropped, added);
    if (outages !== undefined) outageChanges(plan, dpu, id, outages, dropped, added);
  }
  const resets = Map.groupBy(document.resets, (entry) => entry.space_id);
  for (const { id } of document.spaces) {
    resetChanges(plan, plan.resets.get(id) ?? [], id, resets.get(id) ?? [], dropped, added);
  }
  const again = new Set(added.map((change) => ('id' in change ? change.id : null)));
  return [...dropped.filter((change) => change.kind !== 'placement_withdrawn' || !again.has(change.id)), ...added];
}

function placementChanges(
  dpu: Dpu | undefined,
  dpuId: DpuId,
  entries: readonly PlacementEntry[],
  dropped: Change[],
  added: Change[],
): void {
  const wanted = entries.map((entry): Wanted<Without<Placement>> => {
    const { id, doorway_id: doorwayId, facing, from: fromMs = null, until: untilMs = null } = entry;
    return { id, instant: fromMs, entry: { dpuId, doorwayId, facing, fromMs, untilMs } };
  });
  const held = (dpu?.placements ?? []).map((placement) => ({ ...placement, instant: placement.fromMs }));
  const keyOf = (one: Without<Placement>) => `${one.doorwayId} ${one.facing} ${one.fromMs} ${one.untilMs}`;
  const { drop, add } = differenceOf(held, wanted, keyOf, keyOf);
  for (const { id } of drop) dropped.push({ kind: 'placement_withdrawn', id });
  for (const { id, entry } of add) {
    added.push({ kind: 'placement', id: (id ?? newId()) as PlacementId, ...entry });
  }
}

function voidChanges(
  plan: Floorplan,
  dpu: Dpu | undefined,
  dpuId: DpuId,
  entries: readonly VoidEntry[],
  dropped: Change[],
  added: Change[],
): void {
  const wanted = entries.filter(isInForce).map((entry): Wanted<Without<Void>> => {
    const { id, from: fromMs, until: untilMs, reason = null } = entry;
    return { id, instant: fromMs, entry: { dpuId, fromMs, untilMs, reason } };
  });
  const held = heldInForce(dpu?.voids ?? [], (entry) => entry.fromMs);
  const keyOf = (one: Without<Void>) => JSON.stringify([one.fromMs, one.untilMs, one.reason]);
  const { drop, add } = differenceOf(held, wanted, keyOf, keyOf);
  for (const { id } of drop) dropped.push({ kind: 'void_revoked', id });
  for (const { id, entry } of add) {
    const free = id === undefined || plan.dpuOfVoid.has(id as VoidId) ? newId() : id;
    added.push({ kind: 'void', id: free as VoidId, ...entry });
  }
}

function outageChanges(
  plan: Floorplan,
  dpu: Dpu | undefined,
  dpuId: DpuId,
  entries: readonly OutageEntry[],
  dropped: Change[],
  added: Change[],
): void {
  const wanted = entries.filter(isInForce).map((entry): Wanted<Without<Outage>> => {
    const { id, from: fromMs = null, until: untilMs = null, reason = null } = entry;
    return { id, instant: fromMs, entry: { dpuId, fromMs, untilMs, reason } };
  });
  const held = heldInForce(dpu?.outages ?? [], (entry) => entry.fromMs);
  const keyOf = (one: Without<Outage>) => JSON.stringify([one.fromMs, one.untilMs, one.reason]);
  const { drop, add } = differenceOf(held, wanted, keyOf, keyOf);
  for (const { id } of drop) dropped.push({ kind: 'outage_revoked', id });
  for (const { id, entry } of add) {
    const free = id === undefined || plan.dpuOfOutage.has(id as OutageId) ? newId() : id;
    added.push({ kind: 'outage', id: free as OutageId, ...entry });
  }
}

function resetChanges(
  plan: Floorplan,
  resets: readonly RecordedReset[],
  spaceId: SpaceId,
  entries: readonly ResetEntry[],
  dropped: Change[],
  added: Change[],
): void {
  const wanted = entries.filter(isInForce).map((entry): Wanted<Without<Reset>> => {
    const { id, at: atMs, count = null, change = null, reason = null } = entry;
    return { id, instant: atMs, entry: { spaceId, atMs, count, change, reason } };
  });
  const held = heldInForce(resets, (reset) => reset.atMs);
  const keyOf = (one: Without<Reset>) => JSON.stringify([one.atMs, one.count, one.change, one.reason]);
  const { drop, add } = differenceOf(held, wanted, keyOf, keyOf);
  for (const { id } of drop) dropped.push({ kind: 'reset_revoked', id });
  for (const { id, entry } of add) {
    const free = id === undefined || plan.spaceOfReset.has(id as ResetId) ? newId() : id;
    added.push({ kind: 'reset', id: free as ResetId, ...entry });
  }
}

function isInForce(entry: { readonly revoked_at?: number | null | undefined }): boolean {
  return (entry.revoked_at ?? null) === null;
}

function heldInForce<Item extends Omit<Held, 'instant'> & { readonly revokedAtMs: number | null }>(
  items: readonly Item[],
  instantOf: (item: Item) => number | null,
): (Item & Held)[] {
  return items.filter((item) => item.revokedAtMs === null).map((item) => ({ ...item, instant: instantOf(item) }));
}
