// From a DPU and a time to the spaces that change: the ancestors rule, placements, voids, versions, retirement.
import { expect, test } from 'vitest';
import { Atlas } from '../../shared/atlas.ts';
import type { Change } from '../../shared/fact.ts';
import type { DpuId } from '../../shared/ids.ts';

const name = (text: string) => text as never;
const space = (id: string, parent: string | null, fromMs: number | null = null): Change => ({
  kind: 'space_version',
  id: name(id),
  fromMs,
  parentId: parent === null ? null : name(parent),
  timeZone: 'UTC',
  dailyReset: null,
});
const doorway = (id: string, a: string | null, b: string | null, fromMs: number | null = null): Change => ({
  kind: 'doorway_version',
  id: name(id),
  fromMs,
  a: a === null ? null : name(a),
  b: b === null ? null : name(b),
});
const placed = (
  id: string,
  on: string,
  facing: 'a' | 'b',
  fromMs: number | null,
  untilMs: number | null = null,
): Change => ({
  kind: 'placement',
  id: name(id),
  dpuId: name('d'),
  doorwayId: name(on),
  facing,
  fromMs,
  untilMs,
});
const dpu: Change = { kind: 'dpu', id: name('d'), name: 'd', retiredAtMs: null };

/** A site with two floors; rooms on the first; a door of every sort. */
const BUILDING: Change[] = [
  space('site', null),
  space('first', 'site'),
  space('second', 'site'),
  space('room', 'first'),
  space('office', 'first'),
  doorway('gate', 'site', null),
  doorway('entry', 'room', null),
  doorway('between', 'room', 'office'),
  doorway('stairs', 'first', 'second'),
  doorway('roomdoor', 'room', 'first'),
  dpu,
];

function atlasOf(...changes: Change[]): Atlas {
  const atlas = new Atlas();
  for (const [index, change] of changes.entries())
    atlas.apply({ number: index + 1, recordedAtMs: index, by: null, change });
  return atlas;
}

function at(atlas: Atlas, ms: number): string {
  const { status, enters, leaves } = atlas.mappingOf('d' as DpuId, ms);
  return status === 'counted' ? [...enters.map((id) => `+${id}`), ...leaves.map((id) => `-${id}`)].join(' ') : status;
}

test.each([
  ['gate', 'a', '+site'],
  ['gate', 'b', '-site'],
  ['entry', 'a', '+first +room +site'],
  ['between', 'a', '+room -office'],
  ['stairs', 'b', '+second -first'],
  ['roomdoor', 'a', '+room'],
] as const)('through %s facing %s: exactly the spaces that somebody newly is or no longer is in', (on, facing, expected) => {
  expect(at(atlasOf(...BUILDING, placed('p', on, facing, null)), 0)).toBe(expected);
});

test('a placement holds in [from, until)', () => {
  const atlas = atlasOf(...BUILDING, placed('p', 'gate', 'a', 100, 200));
  expect([99, 100, 199, 200].map((ms) => at(atlas, ms))).toEqual(['unplaced', '+site', '+site', 'unplaced']);
});

test('of several the one that began last holds, also when it was entered first; a loan gives way again', () => {
  const stay = placed('stay', 'gate', 'a', null);
  const loan = placed('loan', 'entry', 'a', 100, 200);
  for (const order of [
    [stay, loan],
    [loan, stay],
  ]) {
    const atlas = atlasOf(...BUILDING, ...order);
    expect([99, 100, 199, 200].map((ms) => at(atlas, ms))).toEqual([
      '+site',
      '+first +room +site',
      '+first +room +site',
      '+site',
    ]);
  }
});

test('of two that begin together the later recorded holds', () => {
  expect(at(atlasOf(...BUILDING, placed('p', 'gate', 'a', 100), placed('q', 'gate', 'b', 100)), 100)).toBe('-site');
});

test('a void takes its events out until it is revoked', () => {
  const voided: Change = { kind: 'void', id: name('v'), dpuId: name('d'), fromMs: 10, untilMs: 20, reason: null };
  const atlas = atlasOf(...BUILDING, placed('p', 'gate', 'a', null), voided);
  expect([9, 10, 19, 20].map((ms) => at(atlas, ms))).toEqual(['+site', 'voided', 'voided', '+site']);
  atlas.apply({ number: 99, recordedAtMs: 99, by: null, change: { kind: 'void_revoked', id: name('v') } });
  expect(at(atlas, 10)).toBe('+site');
});

test('a space under another parent, and a doorway that joins others, count from their date', () => {
  const atlas = atlasOf(
    ...BUILDING,
    placed('p', 'entry', 'a', null),
    space('room', 'second', 50),
    doorway('entry', 'office', null, 70),
  );
  expect([49, 50, 69, 70].map((ms) => at(atlas, ms))).toEqual([
    '+first +room +site',
    '+room +second +site',
    '+room +second +site',
    '+first +office +site',
  ]);
});

test('what is retired no longer takes part from then on', () => {
  const gone: Change = { kind: 'space', id: name('first'), name: 'first', capacity: null, retiredAtMs: 30 };
  const closed: Change = { kind: 'doorway', id: name('entry'), name: 'entry', retiredAtMs: 60 };
  const atlas = atlasOf(...BUILDING, placed('p', 'entry', 'a', null), gone, closed);
  expect([29, 30, 59, 60].map((ms) => at(atlas, ms))).toEqual([
    '+first +room +site',
    '+room +site',
    '+room +site',
    'unplaced',
  ]);
});

test('a fact tells exactly the spans that it maps differently', () => {
  const atlas = atlasOf(...BUILDING, placed('p', 'gate', 'a', 100));
  const moved = atlas.apply({ number: 99, recordedAtMs: 0, by: null, change: placed('q', 'entry', 'a', 150, 180) });
  expect(moved.map(({ fromMs, untilMs, becomes }) => [fromMs, untilMs, becomes.enters.join()])).toEqual([
    [150, 180, 'first,room,site'],
  ]);
  const same = atlas.apply({ number: 100, recordedAtMs: 0, by: null, change: placed('r', 'entry', 'a', 160, 170) });
  expect(same).toEqual([]);
});
