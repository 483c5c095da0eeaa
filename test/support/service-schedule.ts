// Random schedules for the running service: a small building in some time zone, and what DPUs and operators do, in order.
import fc from 'fast-check';

export const SPACES = ['site', 'floor', 'room', 'closet'] as const;
export const DOORWAYS = ['gate', 'door', 'hatch'] as const;
/** The last one is unknown until a step makes it. */
export const DPUS = ['one', 'two', 'new'] as const;

/** Around which moment a schedule happens; null: within the last hours, half of them within the allowed lateness. */
export type Scene = { readonly zone: string; readonly at: string | null };

/** The clock goes forward, and back; in Apia a day is left out; in Lord Howe it is half an hour. */
export const SCENES: readonly Scene[] = [
  { zone: 'UTC', at: null },
  { zone: 'Europe/Berlin', at: '2025-03-30T01:00:00Z' },
  { zone: 'Europe/Berlin', at: '2025-10-26T01:00:00Z' },
  { zone: 'America/New_York', at: '2025-03-09T07:00:00Z' },
  { zone: 'America/New_York', at: '2025-11-02T06:00:00Z' },
  { zone: 'Australia/Lord_Howe', at: '2025-04-05T15:00:00Z' },
  { zone: 'Australia/Lord_Howe', at: '2025-10-04T15:30:00Z' },
  { zone: 'Pacific/Apia', at: '2011-12-30T10:00:00Z' },
];

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

/** From the middle of the scene, ms: few distinct moments, many of them edges of hours and days, and their neighbours. */
const moment = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }).map((n) => n * QUARTER_MS + (n % 3)) },
  { weight: 2, arbitrary: fc.constantFrom(0, -1, 1, 2 * QUARTER_MS, 4 * QUARTER_MS - 1, -4 * QUARTER_MS, DAY_MS) },
  { weight: 1, arbitrary: fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }) },
);
const zone = fc.constantFrom('scene', 'scene', 'scene', 'UTC', 'Europe/Berlin', 'Australia/Lord_Howe');
/** Within the gaps and overlaps of the scenes, at their edges, and elsewhere. */
const dailyReset = fc.option(
  fc.constantFrom('00:00', '01:30', '01:45', '02:00', '02:15', '02:30', '03:00', '04:00', '23:59'),
);
const side = fc.constantFrom(...SPACES, null);
const sides = fc.tuple(side, side).filter(([a, b]) => a !== b);
const dpu = fc.constantFrom(...DPUS);
const doorway = fc.constantFrom(...DOORWAYS);
const space = fc.constantFrom(...SPACES);
const facing = fc.constantFrom('a' as const, 'b' as const);
/** One of those there are, by its place. */
const which = fc.nat({ max: 9 });
const length = fc.integer({ min: 1, max: 30 }).map((n) => n * QUARTER_MS);

/** A parent always comes earlier in SPACES, so that no tree has a circle. */
const parent = fc.integer({ min: -1, max: 2 });

const steps = {
  send: fc.record({
    dpu,
    door: fc.constantFrom('mqtt' as const, 'http' as const),
    events: fc.array(
      fc.record({ at: fc.option(moment, { freq: 8 }), up: fc.boolean(), seq: fc.option(which, { freq: 2 }) }),
      { minLength: 1, maxLength: 6 },
    ),
    repeats: fc.boolean(),
  }),
  place: fc.record({ dpu, doorway, facing, from: fc.option(moment), length: fc.option(length) }),
  correct: fc.record({ which, facing, from: fc.option(moment) }),
  withdraw: fc.record({ which }),
  create: fc.record({}),
  void: fc.record({ dpu, from: moment, length }),
  outage: fc.record({ dpu, from: fc.option(moment), length: fc.option(length) }),
  reset: fc.record({ space, at: moment, value: fc.integer({ min: -5, max: 20 }), sets: fc.boolean() }),
  revoke: fc.record({ which, of: fc.constantFrom('void' as const, 'outage' as const, 'reset' as const) }),
  space: fc.record({ space, from: moment, parent: fc.option(parent), zone: fc.option(zone), dailyReset }),
  sides: fc.record({ doorway, sides, from: moment }),
  retire: fc.record({ thing: fc.constantFrom('dpus/one', 'doorways/gate', 'spaces/closet') }),
} as const;

type Steps = typeof steps;
type Value<Of> = Of extends fc.Arbitrary<infer Drawn> ? Drawn : never;
export type Step = { [Kind in keyof Steps]: { readonly kind: Kind; readonly drawn: Value<Steps[Kind]> } }[keyof Steps];

const WEIGHTS: Record<keyof Steps, number> = {
  send: 14,
  place: 5,
  correct: 2,
  withdraw: 1,
  create: 1,
  void: 1,
  outage: 1,
  reset: 3,
  revoke: 2,
  space: 3,
  sides: 2,
  retire: 1,
};

const step: fc.Arbitrary<Step> = fc.oneof(
  ...(Object.keys(steps) as (keyof Steps)[]).map((kind) => {
    const drawn: fc.Arbitrary<unknown> = steps[kind];
    return { weight: WEIGHTS[kind], arbitrary: drawn.map((value) => ({ kind, drawn: value }) as Step) };
  }),
);

export const serviceSchedule = fc.record({
  scene: fc.constantFrom(...SCENES),
  spaces: fc.tuple(...SPACES.map(() => fc.record({ parent, zone, dailyReset }))),
  doorways: fc.tuple(sides, sides, sides),
  /** Where each DPU is from the first, since ever. */
  placed: fc.tuple(...DPUS.map(() => fc.option(fc.record({ doorway, facing }), { freq: 5 }))),
  steps: fc.array(step, { minLength: 6, maxLength: 20 }),
  /** Asked about. */
  moments: fc.array(moment, { minLength: 3, maxLength: 5 }),
  questions: fc.array(which, { minLength: 4, maxLength: 4 }),
});
export type ServiceSchedule = Value<typeof serviceSchedule>;
