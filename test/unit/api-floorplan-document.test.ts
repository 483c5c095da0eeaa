// The floor plan document: imported twice it changes nothing, exported and imported it is the same, and every fault is named.
import { expect, test } from 'vitest';
import { documentOf, floorplanDocument } from '../../api/floorplan-document.ts';
import { changesToDocument } from '../../api/floorplan-import.ts';
import type { Problem } from '../../api/problem.ts';
import type { Change } from '../../shared/fact.ts';
import { Floorplan } from '../../shared/floorplan.ts';

const NOW_MS = Date.parse('2026-05-01T12:00:00Z');
const HOUR_MS = 3_600_000;

type Given = { spaces?: object[]; doorways?: object[]; dpus?: object[]; resets?: object[] };

class Importer {
  readonly plan = new Floorplan();
  nowMs = NOW_MS;
  #number = 0;

  import(document: unknown, effective?: string): Change[] {
    const effectiveMs = effective === undefined ? this.nowMs : Date.parse(effective);
    const parsed = floorplanDocument.parse(document);
    const changes = changesToDocument(this.plan, parsed, { nowMs: this.nowMs, effectiveMs });
    this.record(...changes);
    return changes;
  }
  record(...changes: Change[]): void {
    for (const change of changes)
      this.plan.apply({ number: ++this.#number, recordedAtMs: this.nowMs, by: null, change });
  }
  export() {
    return documentOf(this.plan, this.nowMs);
  }
}

const SAMPLE: Required<Given> = {
  spaces: [{ id: 'A', name: 'Space A' }, { id: 'B' }, { id: 'H', time_zone: 'Europe/Berlin', daily_reset: '04:00' }],
  doorways: [
    { id: 'X', name: 'Doorway X', a: 'A', b: null },
    { id: 'Z', a: 'A', b: 'B' },
  ],
  dpus: [
    { id: '283', placements: [{ doorway_id: 'X', facing: 'a', from: '2018-01-01T00:00:00.000Z' }] },
    {
      id: '423',
      placements: [
        { doorway_id: 'Z', facing: 'a' },
        { doorway_id: 'X', facing: 'b', from: 5, until: 9 },
      ],
    },
  ],
  resets: [{ space_id: 'A', at: '2018-02-01T00:00:00Z', count: 3 }],
};

test('an empty plan takes a document without versions, ids of placements, or defaults', () => {
  const importer = new Importer();
  importer.import(SAMPLE);
  expect(importer.export()).toMatchObject({
    spaces: [
      { id: 'A', name: 'Space A', parent_id: null, time_zone: 'UTC', daily_reset: null, capacity: null },
      { id: 'B', name: 'B' },
      { id: 'H', time_zone: 'Europe/Berlin', daily_reset: '04:00' },
    ],
    doorways: [
      { id: 'X', a: 'A', b: null },
      { id: 'Z', a: 'A', b: 'B' },
    ],
    dpus: [
      { id: '283', placements: [{ doorway_id: 'X', from: '2018-01-01T00:00:00.000Z', until: null }], voids: [] },
      { id: '423', placements: [{ from: null }, { from: '1970-01-01T00:00:00.005Z' }] },
    ],
    resets: [{ space_id: 'A', at: '2018-02-01T00:00:00.000Z', count: 3, change: null, reason: null }],
  });
});

test('the same document again changes nothing, later neither', () => {
  const importer = new Importer();
  importer.import(SAMPLE);
  expect(importer.import(SAMPLE)).toEqual([]);
  importer.nowMs += HOUR_MS;
  expect(importer.import(SAMPLE)).toEqual([]);
  expect(importer.import(importer.export())).toEqual([]);
});

test('undated changes count from the moment given, and the document holds from then on', () => {
  const importer = new Importer();
  importer.import(SAMPLE);
  importer.import(
    { ...SAMPLE, spaces: [{ id: 'A', parent_id: 'H' }, { id: 'B' }, { id: 'H' }] },
    '2026-04-01T00:00:00Z',
  );
  expect(importer.export().spaces[0]).toMatchObject({
    id: 'A',
    parent_id: 'H',
    versions: [
      { from: null, parent_id: null },
      { from: '2026-04-01T00:00:00.000Z', parent_id: 'H' },
    ],
  });
  // Brought back from before that, the move is as if it never was: no version says otherwise any more.
  importer.import(SAMPLE, '2026-03-01T00:00:00Z');
  expect(importer.export().spaces[0]).not.toHaveProperty('versions');
  expect(importer.import(SAMPLE)).toEqual([]);
});

test('what is absent is retired from then, keeps its past, and stays in the export', () => {
  const importer = new Importer();
  importer.import(SAMPLE);
  importer.import({ spaces: [{ id: 'A' }, { id: 'H' }], doorways: [SAMPLE.doorways[0]], dpus: [SAMPLE.dpus[0]] });
  const retired_at = '2026-05-01T12:00:00.000Z';
  const exported = importer.export();
  expect(exported).toMatchObject({
    spaces: [
      { id: 'A', name: 'A' },
      { id: 'B', retired_at },
      { id: 'H', daily_reset: null },
    ],
    doorways: [{ id: 'X' }, { id: 'Z', retired_at, a: 'A', b: 'B' }],
    dpus: [{ id: '283' }, { id: '423', retired_at, placements: [{ doorway_id: 'Z' }, { doorway_id: 'X' }] }],
    resets: [],
  });
  importer.nowMs += HOUR_MS;
  expect(importer.import(exported)).toEqual([]);
});

test('placements, voids and resets that the document lacks are withdrawn or revoked', () => {
  const importer = new Importer();
  const voids = [{ from: 10, until: 20, reason: 'maintenance' }];
  importer.import({ ...SAMPLE, dpus: [{ id: '283', voids, placements: [{ doorway_id: 'X', facing: 'a' }] }] });
  const changes = importer.import({ ...SAMPLE, dpus: [{ id: '283' }], resets: [] });
  expect(changes.map((change) => change.kind)).toEqual(['placement_withdrawn', 'void_revoked', 'reset_revoked']);
  expect(importer.export()).toMatchObject({ dpus: [{ placements: [], voids: [] }], resets: [] });
});

test('a revoked reset that comes back gets an id of its own, and then stays', () => {
  const importer = new Importer();
  const withReset = { ...SAMPLE, resets: [{ id: 'r1', space_id: 'A', at: 5, count: 3 }] };
  importer.import(withReset);
  importer.import({ ...SAMPLE, resets: [] });
  expect(importer.import(withReset)).toMatchObject([{ kind: 'reset', count: 3 }]);
  expect(importer.export().resets[0]?.id).not.toBe('r1');
  expect(importer.import(withReset)).toEqual([]);
});

test('of resets at one instant the last of the document holds, also when they were recorded the other way round', () => {
  const importer = new Importer();
  const one = { id: 'r1', space_id: 'A', at: 5, count: 1 };
  const two = { id: 'r2', space_id: 'A', at: 5, count: 2 };
  importer.import({ ...SAMPLE, resets: [one, two] });
  importer.import({ ...SAMPLE, resets: [two, one] });
  expect(importer.export().resets.map((reset) => reset.count)).toEqual([2, 1]);
  expect(importer.import({ ...SAMPLE, resets: [two, one] })).toEqual([]);
});

test('a placement goes from one DPU to another under its id', () => {
  const importer = new Importer();
  const placements = [{ id: 'p', doorway_id: 'X', facing: 'a' }];
  importer.import({ ...SAMPLE, dpus: [{ id: '1', placements }, { id: '2' }] });
  const changes = importer.import({ ...SAMPLE, dpus: [{ id: '1' }, { id: '2', placements }] });
  expect(changes).toMatchObject([{ kind: 'placement', id: 'p', dpuId: '2' }]);
  expect(importer.export().dpus.map((dpu) => dpu.placements.length)).toEqual([0, 1]);
});

test('outages come with the document; one that says nothing of them leaves them, one that has none revokes them', () => {
  const importer = new Importer();
  const dpus = (outages: object) => [{ id: '283', placements: [{ doorway_id: 'X', facing: 'a' }], ...outages }];
  const outages = [{ from: 10, until: null, reason: 'no power' }, { until: 5 }];
  importer.import({ ...SAMPLE, dpus: dpus({ outages }) });
  const held = importer.export();
  expect(held).toMatchObject({ dpus: [{ outages: [{ reason: 'no power' }, { from: null, reason: null }] }] });
  const facts = importer.plan.factNumber;
  importer.import(held);
  expect(importer.plan.factNumber).toBe(facts);
  importer.import({ ...SAMPLE, dpus: dpus({}) });
  expect(importer.export()).toEqual(held);
  const empty = new Importer();
  empty.import(held);
  expect(empty.export()).toEqual(held);
  importer.import({ ...SAMPLE, dpus: dpus({ outages: [] }) });
  expect(importer.export()).toMatchObject({ dpus: [expect.not.objectContaining({ outages: expect.anything() })] });
});

test('an export into an empty plan gives the same export: versions, placements, voids, resets, retired things', () => {
  const one = new Importer();
  one.import(SAMPLE);
  one.import({ ...SAMPLE, spaces: [...SAMPLE.spaces.slice(0, 2), { id: 'H' }] }, '2026-02-01T00:00:00Z');
  one.import(
    {
      spaces: [{ id: 'A', parent_id: 'H', capacity: 9 }, { id: 'H' }],
      doorways: [{ id: 'X', a: 'A', b: 'H' }],
      dpus: [{ id: '283', voids: [{ from: 1, until: 2 }], placements: [{ doorway_id: 'X', facing: 'b', from: 3 }] }],
      resets: [{ space_id: 'A', at: 4, change: '+3', reason: 'counted by hand' }],
    },
    '2026-03-01T00:00:00Z',
  );
  const exported = one.export();
  expect(exported.spaces.some((space) => 'versions' in space)).toBe(true);
  const other = new Importer();
  other.nowMs += HOUR_MS;
  other.import(exported);
  expect(other.export()).toEqual(exported);
});

const faults = (document: Given): string[] => {
  const importer = new Importer();
  importer.import(SAMPLE);
  importer.record({ kind: 'space', id: 'B' as never, name: 'B', capacity: null, retiredAtMs: 5 });
  try {
    importer.import({ ...SAMPLE, spaces: [{ id: 'A' }, { id: 'H' }], doorways: [], dpus: [], resets: [], ...document });
  } catch (error) {
    const { code, errors } = error as Problem;
    expect(code).toBe('invalid_floorplan');
    return errors.map(({ path }) => path);
  }
  return [];
};

test.each<[string, Given, string[]]>([
  ['no fault', {}, []],
  ['an id twice', { spaces: [{ id: 'A' }, { id: 'A' }] }, ['body.spaces.1.id']],
  ['a retired id', { spaces: [{ id: 'B' }] }, ['body.spaces.0.id']],
  ['an unknown parent', { spaces: [{ id: 'A', parent_id: 'H' }] }, ['body.spaces.0.parent_id']],
  [
    'a cycle',
    {
      spaces: [
        { id: 'A', parent_id: 'H' },
        { id: 'H', parent_id: 'A' },
      ],
    },
    ['body.spaces.0.parent_id', 'body.spaces.1.parent_id'],
  ],
  ['versions without a beginning', { spaces: [{ id: 'A', versions: [{ from: 5 }] }] }, ['body.spaces.0.versions']],
  [
    'a field that its versions contradict',
    { spaces: [{ id: 'A', time_zone: 'Asia/Tokyo', versions: [{ from: null }] }] },
    ['body.spaces.0.time_zone'],
  ],
  ['a doorway without sides', { doorways: [{ id: 'X' }] }, ['body.doorways.0']],
  ['a doorway to nowhere', { doorways: [{ id: 'X', a: null, b: null }] }, ['body.doorways.0.b']],
  [
    'a doorway of unknown spaces',
    { doorways: [{ id: 'X', a: 'P', b: 'Q' }] },
    ['body.doorways.0.a', 'body.doorways.0.b'],
  ],
  [
    'placements that are wrong in several ways',
    {
      doorways: [{ id: 'X', a: 'A', b: null }],
      dpus: [
        {
          id: '1',
          placements: [
            { id: 'p', doorway_id: 'Q', facing: 'a' },
            { id: 'p', dpu_id: '2', doorway_id: 'X', facing: 'a', from: 5, until: 5 },
          ],
          voids: [{ from: 5, until: 4 }],
        },
      ],
    },
    [
      'body.dpus.0.placements.1.id',
      'body.dpus.0.placements.0.doorway_id',
      'body.dpus.0.placements.1.dpu_id',
      'body.dpus.0.placements.1.until',
      'body.dpus.0.voids.0.until',
    ],
  ],
  [
    'resets that are wrong in several ways',
    {
      resets: [
        { space_id: 'Q', at: NOW_MS + 1 },
        { space_id: 'A', at: 5, count: 1, change: 1 },
      ],
    },
    ['body.resets.0.space_id', 'body.resets.0.count', 'body.resets.0.at', 'body.resets.1.count'],
  ],
])('%s', (_, document, paths) => {
  expect(faults(document)).toEqual(paths);
});
