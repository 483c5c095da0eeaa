// Decisions on the floor plan: what a request comes to, and what is refused with which code.
import { expect, test } from 'vitest';
import { createDoorway, deleteDoorway, patchDoorway } from '../../api/edit/doorways.ts';
import { deleteDpu } from '../../api/edit/dpus.ts';
import { createReset, createVoid } from '../../api/edit/marks.ts';
import { patchPlacement, putPlacement } from '../../api/edit/placements.ts';
import { createSpace, deleteSpace, patchSpace, replaceSpace } from '../../api/edit/spaces.ts';
import { movesIn } from '../../api/edit/tree.ts';
import { doorwayOf, dpuOf, spaceOf } from '../../api/lookup.ts';
import type { Change } from '../../shared/fact.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DoorwayId, DpuId, PlacementId, ResetId, SpaceId, VoidId } from '../../shared/ids.ts';

const space = (id: string) => id as SpaceId;
const doorway = (id: string) => id as DoorwayId;
const dpu = (id: string) => id as DpuId;
const NOW_MS = 1_000_000;

class Editor {
  readonly plan = new Floorplan();
  #number = 0;

  record(changes: readonly Change[]): Change[] {
    for (const change of changes) this.plan.apply({ number: ++this.#number, recordedAtMs: NOW_MS, by: null, change });
    return [...changes];
  }
  space(id: string, parent: string | null = null): void {
    this.record(createSpace(this.plan, space(id), { parent_id: parent === null ? null : space(parent) }));
  }
  patch(id: string, body: Parameters<typeof patchSpace>[2]): Change[] {
    return this.record(patchSpace(this.plan, spaceOf(this.plan, space(id)), body, NOW_MS));
  }
  delete(id: string): Change[] {
    return this.record(deleteSpace(this.plan, spaceOf(this.plan, space(id)), NOW_MS));
  }
}

function building(): Editor {
  const editor = new Editor();
  editor.space('house');
  editor.space('floor', 'house');
  editor.space('room', 'floor');
  return editor;
}

const code = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'done';
};

test('a space is valid since ever and takes its id as its name', () => {
  expect(createSpace(new Floorplan(), space('A'), {})).toEqual([
    { kind: 'space', id: 'A', name: 'A', capacity: null, retiredAtMs: null },
    { kind: 'space_version', id: 'A', fromMs: null, parentId: null, timeZone: 'UTC', dailyReset: null },
  ]);
});

test('only what differs is recorded; a replacement takes standard values for what it leaves out', () => {
  const editor = building();
  expect(editor.patch('room', { name: 'room', parent_id: space('floor') })).toEqual([]);
  expect(editor.patch('room', { capacity: 4, daily_reset: '04:00', effective_from: 500 })).toMatchObject([
    { kind: 'space', capacity: 4, name: 'room' },
    { kind: 'space_version', fromMs: 500, parentId: 'floor', dailyReset: '04:00' },
  ]);
  expect(replaceSpace(editor.plan, spaceOf(editor.plan, space('room')), {}, NOW_MS)).toMatchObject([
    { kind: 'space', capacity: null },
    { kind: 'space_version', fromMs: NOW_MS, parentId: null, dailyReset: null },
  ]);
});

test.each([
  ['itself', 'room', 'room', undefined],
  ['its child', 'floor', 'room', undefined],
  ['its grandchild, in the past', 'house', 'room', -5],
])('a space inside %s is a cycle', (_, id, parent, effectiveMs) => {
  expect(code(() => building().patch(id, { parent_id: space(parent), effective_from: effectiveMs }))).toBe(
    'space_cycle',
  );
});

test('a cycle that only comes about later is one too', () => {
  const editor = building();
  editor.patch('floor', { parent_id: null, effective_from: 2_000_000 });
  editor.space('wing');
  editor.patch('wing', { parent_id: space('room'), effective_from: 3_000_000 });
  // From now until 2,000,000 nothing is wrong; from 3,000,000 on wing is in room, and room would be in wing.
  expect(code(() => editor.patch('floor', { parent_id: space('wing'), effective_from: 2_500_000 }))).toBe(
    'space_cycle',
  );
  expect(code(() => editor.patch('floor', { parent_id: space('wing'), effective_from: 1_500_000 }))).toBe('done');
});

test.each([
  ['an unknown parent', (editor: Editor) => editor.space('x', 'nowhere'), 'space_not_found'],
  ['an id that is taken', (editor: Editor) => editor.space('room'), 'already_exists'],
  [
    'a retired id',
    (editor: Editor) => {
      editor.delete('house');
      editor.space('house');
    },
    'id_retired',
  ],
  [
    'a retired parent',
    (editor: Editor) => {
      editor.delete('house');
      editor.space('x', 'house');
    },
    'id_retired',
  ],
])('%s is refused', (_, work, expected) => {
  expect(code(() => work(building()))).toBe(expected);
});

test('what nothing ever referred to is removed, the rest retired, and retiring again changes nothing', () => {
  const editor = building();
  expect(editor.delete('room')).toEqual([{ kind: 'space_removed', id: 'room' }]);
  expect(editor.delete('house')).toMatchObject([{ kind: 'space', id: 'house', retiredAtMs: NOW_MS }]);
  expect(editor.delete('house')).toEqual([]);
});

test('a doorway joins two sides that are there', () => {
  const { plan } = building();
  const make = (a: string | null, b: string | null) =>
    code(() => createDoorway(plan, doorway('d'), { a: a === null ? null : space(a), b: b === null ? null : space(b) }));
  expect([make('room', null), make(null, 'room'), make('room', 'floor')]).toEqual(['done', 'done', 'done']);
  expect([make(null, null), make('room', 'room')]).toEqual(['invalid_request', 'invalid_request']);
  expect(make('room', 'nowhere')).toBe('space_not_found');
});

function equipped(): Editor {
  const editor = building();
  editor.record(createDoorway(editor.plan, doorway('d'), { a: space('room'), b: null }));
  editor.record([{ kind: 'dpu', id: dpu('1'), name: '1', retiredAtMs: null }]);
  return editor;
}

const place = (editor: Editor, body: Partial<Parameters<typeof putPlacement>[3]> = {}) =>
  editor.record(
    putPlacement(editor.plan, dpu('1'), 'p' as PlacementId, { doorway_id: doorway('d'), facing: 'a', ...body }),
  );

test('a placement is since ever and still unless it says otherwise; the same again changes nothing', () => {
  const editor = equipped();
  expect(place(editor)).toMatchObject([{ fromMs: null, untilMs: null, facing: 'a', dpuId: '1' }]);
  expect(place(editor)).toEqual([]);
  expect(patchPlacement(editor.plan, dpu('1'), 'p' as PlacementId, { until: 7 })).toMatchObject([
    { fromMs: null, untilMs: 7, doorwayId: 'd' },
  ]);
});

test('a retired doorway can be placed on for its past only', () => {
  const editor = equipped();
  place(editor, { until: 5 });
  editor.record(deleteDoorway(editor.plan, doorwayOf(editor.plan, doorway('d')), NOW_MS));
  expect(code(() => place(editor, { until: NOW_MS + 1 }))).toBe('id_retired');
  expect(code(() => place(editor))).toBe('id_retired');
  expect(code(() => place(editor, { until: NOW_MS }))).toBe('done');
});

test.each([
  ['that ends before it begins', { from: 5, until: 5 }, 'invalid_request'],
  ['on a doorway that is not there', { doorway_id: doorway('nowhere') }, 'doorway_not_found'],
])('a placement %s is refused', (_, body, expected) => {
  expect(code(() => place(equipped(), body))).toBe(expected);
});

test('a DPU with events, placements or voids is retired, another one removed', () => {
  const kindOf = (editor: Editor, hasEvents: boolean) =>
    deleteDpu(editor.plan, dpuOf(editor.plan, dpu('1')), NOW_MS, hasEvents)[0]?.kind;
  const placed = equipped();
  place(placed);
  placed.record([{ kind: 'placement_withdrawn', id: 'p' as PlacementId }]);
  expect([kindOf(equipped(), false), kindOf(equipped(), true), kindOf(placed, false)]).toEqual([
    'dpu_removed',
    'dpu',
    'dpu',
  ]);
});

test.each([
  [{ count: 3 }, 'done'],
  [{ change: -3 }, 'done'],
  [{}, 'invalid_request'],
  [{ count: 3, change: 1 }, 'invalid_request'],
  [{ count: 3, at: NOW_MS }, 'done'],
  [{ count: 3, at: NOW_MS + 1 }, 'at_in_future'],
])('reset %o: %s', (body, expected) => {
  expect(code(() => createReset(building().plan, space('room'), 'r' as ResetId, body, NOW_MS))).toBe(expected);
});

test('a void ends after it begins', () => {
  const make = (from: number, until: number) =>
    code(() => createVoid(equipped().plan, dpu('1'), 'v' as VoidId, { from, until }));
  expect([make(1, 2), make(2, 2)]).toEqual(['done', 'invalid_request']);
});

test('a space that moves is left by what is no longer around it, and enters what newly is', () => {
  const editor = building();
  editor.space('annex', 'house');
  const changes = patchSpace(editor.plan, spaceOf(editor.plan, space('room')), { parent_id: space('annex') }, NOW_MS);
  expect(movesIn(editor.plan, changes)).toEqual([
    { spaceId: 'room', atMs: NOW_MS, left: ['floor'], entered: ['annex'] },
  ]);
  const renamed = patchSpace(editor.plan, spaceOf(editor.plan, space('room')), { name: 'x' }, NOW_MS);
  expect(movesIn(editor.plan, renamed)).toBeNull();
});

test('another side moves nobody', () => {
  const { plan } = equipped();
  const changes = patchDoorway(plan, doorwayOf(plan, doorway('d')), { b: space('floor') }, NOW_MS);
  expect(changes).toEqual([{ kind: 'doorway_version', id: 'd', fromMs: NOW_MS, a: 'room', b: 'floor' }]);
  expect(movesIn(plan, changes)).toEqual([]);
});
