// Random schedules: a small building, people, sensors that repeat, reorder and are moved, and an operator who enters it late.
import fc from 'fast-check';
import type { Change } from '../../shared/fact.ts';
import type { ModelEvent } from './model.ts';

/** Things that happen to the service, in this order. */
export type Step =
  | { readonly kind: 'send'; readonly dpu: string; readonly events: readonly ModelEvent[] }
  | { readonly kind: 'record'; readonly changes: readonly Change[] }
  | { readonly kind: 'crash' }
  | { readonly kind: 'tidy' }
  /** A day passes. */
  | { readonly kind: 'night' };

export type Schedule = {
  readonly building: readonly Change[];
  readonly steps: readonly Step[];
  readonly moments: readonly number[];
};

export const SPACES = ['site', 'floor', 'room', 'closet'] as const;
const DPUS = ['one', 'two'] as const;
const DOORWAYS = ['gate', 'door', 'hatch'] as const;

/** Everything happens within this many ms, so that events, moves and resets meet in the same minutes and milliseconds. */
const WINDOW_MS = 3 * 3_600_000;

/** Few distinct moments, some of them neighbours and edges of minutes and hours. */
const moment = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => n * 270_000 + (n % 3)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 1, 59_999, 60_000, 3_599_999, 3_600_000, 3_600_001, 7_199_999, 7_200_000),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: WINDOW_MS }) },
);

const side = fc.constantFrom(...SPACES, null);
const sides = fc.tuple(side, side).filter(([a, b]) => a !== b);

/** Makes an id of any kind: what it makes fits everywhere. */
type Name = (name: string) => never;

type Draw = (id: Name, at: (ms: number) => number, serial: () => never) => Change[];

const placement: fc.Arbitrary<Draw> = fc
  .record({
    dpu: fc.constantFrom(...DPUS),
    doorway: fc.constantFrom(...DOORWAYS),
    facing: fc.constantFrom('a' as const, 'b' as const),
    from: fc.option(moment),
    length: fc.option(moment),
    withdrawn: fc.boolean(),
  })
  .map(
    (drawn): Draw =>
      (id, at, serial) => {
        const fromMs = drawn.from === null ? null : at(drawn.from);
        const untilMs = drawn.length === null ? null : at((drawn.from ?? 0) + drawn.length + 1);
        const placementId = serial();
        const { facing } = drawn;
        const made: Change = {
          kind: 'placement',
          id: placementId,
          dpuId: id(drawn.dpu),
          doorwayId: id(drawn.doorway),
          facing,
          fromMs,
          untilMs,
        };
        return drawn.withdrawn ? [made, { kind: 'placement_withdrawn', id: placementId }] : [made];
      },
  );

const voided: fc.Arbitrary<Draw> = fc
  .record({ dpu: fc.constantFrom(...DPUS), from: moment, length: moment, revoked: fc.boolean() })
  .map(
    (drawn): Draw =>
      (id, at, serial) => {
        const voidId = serial();
        const [fromMs, untilMs] = [at(drawn.from), at(drawn.from + drawn.length + 1)];
        const made: Change = { kind: 'void', id: voidId, dpuId: id(drawn.dpu), fromMs, untilMs, reason: null };
        return drawn.revoked ? [made, { kind: 'void_revoked', id: voidId }] : [made];
      },
  );

/** A parent always comes earlier in SPACES, so no tree has a circle. */
const parent: fc.Arbitrary<Draw> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: -1, max: 2 }),
    moment,
    fc.option(fc.constantFrom('00:00', '01:00', '23:30'), { freq: 2 }),
  )
  .map(
    ([child, above, from, dailyReset]): Draw =>
      (id, at) => {
        const parentId = above < 0 || above >= child ? null : id(String(SPACES[above]));
        return [
          {
            kind: 'space_version',
            id: id(String(SPACES[child])),
            fromMs: at(from),
            parentId,
            timeZone: 'UTC',
            dailyReset,
          },
        ];
      },
  );

const rebuiltDoorway: fc.Arbitrary<Draw> = fc.tuple(fc.constantFrom(...DOORWAYS), sides, moment).map(
  ([doorway, [a, b], from]): Draw =>
    (id, at) => [
      {
        kind: 'doorway_version',
        id: id(doorway),
        fromMs: at(from),
        a: a === null ? null : id(a),
        b: b === null ? null : id(b),
      },
    ],
);

const reset: fc.Arbitrary<Draw> = fc
  .record({
    space: fc.constantFrom(...SPACES),
    from: moment,
    value: fc.integer({ min: -5, max: 20 }),
    sets: fc.boolean(),
    revoked: fc.boolean(),
  })
  .map(
    (drawn): Draw =>
      (id, at, serial) => {
        const resetId = serial();
        const [count, change] = drawn.sets ? [drawn.value, null] : [null, drawn.value];
        const made: Change = {
          kind: 'reset',
          id: resetId,
          spaceId: id(drawn.space),
          atMs: at(drawn.from),
          count,
          change,
          reason: null,
        };
        return drawn.revoked ? [made, { kind: 'reset_revoked', id: resetId }] : [made];
      },
  );

const retirement: fc.Arbitrary<Draw> = fc.tuple(fc.constantFrom('site', 'room', 'gate', 'one'), moment).map(
  ([name, from]): Draw =>
    (id, at) => {
      const retiredAtMs = at(from);
      if (name === 'gate') return [{ kind: 'doorway', id: id(name), name, retiredAtMs }];
      if (name === 'one') return [{ kind: 'dpu', id: id(name), name, retiredAtMs }];
      return [{ kind: 'space', id: id(name), name, capacity: null, retiredAtMs }];
    },
);

const fact = fc.oneof(
  { weight: 5, arbitrary: placement },
  { weight: 1, arbitrary: voided },
  { weight: 2, arbitrary: parent },
  { weight: 2, arbitrary: rebuiltDoorway },
  { weight: 2, arbitrary: reset },
  { weight: 1, arbitrary: retirement },
);

const message = fc.record({
  dpu: fc.constantFrom(...DPUS),
  events: fc.array(
    fc.record({ at: moment, up: fc.boolean(), seq: fc.option(fc.integer({ min: 0, max: 2 }), { freq: 2 }) }),
    { minLength: 1, maxLength: 4 },
  ),
  repeats: fc.boolean(),
});

const drawnSchedule = fc.record({
  /** The first DPU is at the gate from the first, and the site is set to 0 every night. */
  isOpen: fc.boolean(),
  doorways: fc.array(sides, { minLength: 3, maxLength: 3 }),
  happenings: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: message.map((drawn) => ({ kind: 'message' as const, drawn })) },
      { weight: 4, arbitrary: fact.map((drawn) => ({ kind: 'fact' as const, drawn })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'tidy' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'night' as const }) },
    ),
    { minLength: 3, maxLength: 14 },
  ),
  moments: fc.array(moment, { minLength: 2, maxLength: 5 }),
});

/** What is drawn; `scheduleOf` makes a schedule of it. */
export const scheduleArbitrary: fc.Arbitrary<Drawn> = drawnSchedule;

type Drawn = typeof drawnSchedule extends fc.Arbitrary<infer Value> ? Value : never;

/** A schedule whose names and times begin with `number`, so that several can share a database without meeting. */
export function scheduleOf(drawn: Drawn, number: number, epochMs: number): Schedule {
  const prefix = `n${number}-`;
  const baseMs = epochMs + number * 86_400_000;
  const id: Name = (name) => (prefix + name) as never;
  const at = (ms: number) => baseMs + ms;
  let count = 0;
  const serial = () => `${prefix}${++count}` as never;
  const steps = drawn.happenings.flatMap((happening): Step[] => {
    if (happening.kind !== 'fact' && happening.kind !== 'message') return [happening];
    if (happening.kind === 'fact') return [{ kind: 'record', changes: happening.drawn(id, at, serial) }];
    const { dpu, events, repeats } = happening.drawn;
    const sent = events.map((event) => ({
      dpu: id(dpu),
      atMs: at(event.at),
      direction: event.up ? 1 : -1,
      seq: event.seq,
    }));
    const step: Step = { kind: 'send', dpu: id(dpu), events: sent };
    return repeats ? [step, step] : [step];
  });
  return {
    building: [...buildingOf(id, drawn.doorways), ...(drawn.isOpen ? opening(id) : [])],
    steps,
    moments: [...drawn.moments.map(at), at(2 * WINDOW_MS)],
  };
}

function opening(id: Name): Change[] {
  const since = { fromMs: null, untilMs: null };
  return [
    { kind: 'placement', id: id('first'), dpuId: id('one'), doorwayId: id('gate'), facing: 'a', ...since },
    { kind: 'doorway_version', id: id('gate'), fromMs: null, a: id('site'), b: null },
    { kind: 'space_version', id: id('site'), fromMs: null, parentId: null, timeZone: 'UTC', dailyReset: '03:00' },
  ];
}

function buildingOf(id: Name, doorways: readonly (readonly [string | null, string | null])[]): Change[] {
  return [
    ...SPACES.flatMap((name, index): Change[] => [
      { kind: 'space', id: id(name), name, capacity: null, retiredAtMs: null },
      {
        kind: 'space_version',
        id: id(name),
        fromMs: null,
        parentId: index === 0 ? null : id(String(SPACES[index - 1])),
        timeZone: 'UTC',
        dailyReset: null,
      },
    ]),
    ...DOORWAYS.flatMap((name, index): Change[] => {
      const [a, b] = doorways[index] as readonly [string | null, string | null];
      return [
        { kind: 'doorway', id: id(name), name, retiredAtMs: null },
        {
          kind: 'doorway_version',
          id: id(name),
          fromMs: null,
          a: a === null ? null : id(a),
          b: b === null ? null : id(b),
        },
      ];
    }),
    ...DPUS.map((name): Change => ({ kind: 'dpu', id: id(name), name, retiredAtMs: null })),
  ];
}
