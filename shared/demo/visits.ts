// Who goes where in the station of the demo: every visit of a day, worked out from the date alone. So the past can be made
// again at any time, what is sent twice is the same event, and the count that a night watch would find is known.
import { localDate, startOfDayMs } from '../calendar.ts';
import { DOORS, type Door, type Place } from './station.ts';

/** `place` is where the person is from then on. */
export type Crossing = {
  readonly doorId: string;
  readonly direction: 1 | -1;
  readonly timestampMs: number;
  readonly from: Place;
  readonly to: Place;
};

type Random = () => number;
/** Somebody at `place` for `stayMs`. */
type Stop = { readonly place: string; readonly stayMs: number };

const MINUTE_MS = 60_000;
const MINUTES_A_DAY = 1_440;
/** A train stops at each platform so often. */
const TRAINS_EVERY_MS = 10 * MINUTE_MS;
/** Visits that begin in a minute: at night, and added to it in the peaks of the morning, noon and evening. */
const VISITS_AT_NIGHT = 1.3;
const PEAKS = [
  { hour: 8, width: 1.3, visits: 7 },
  { hour: 12.7, width: 2, visits: 4 },
  { hour: 17.5, width: 1.7, visits: 7.5 },
];
/** Passers-by who cut through the hall, in every minute of the day: somebody always walks. */
const PASSERS_A_MINUTE = 12;
/** Saturday and Sunday. */
const WEEKEND_SHARE = 0.55;

/** The days worked out last: one after the other is asked for, a piece at a time. */
const DAYS_KEPT = 4;
const kept = new Map<string, readonly Crossing[]>();

/** Every crossing of the visits that begin on `date`, in the order of time; the last ones are on the next day. */
export function crossingsOf(date: Temporal.PlainDate, zone: string): readonly Crossing[] {
  const day = `${date} ${zone}`;
  const crossings = kept.get(day) ?? workOut(date, zone);
  kept.delete(day);
  kept.set(day, crossings);
  for (const oldest of kept.keys()) if (kept.size > DAYS_KEPT) kept.delete(oldest);
  return crossings;
}

function workOut(date: Temporal.PlainDate, zone: string): Crossing[] {
  const startMs = startOfDayMs(date, zone);
  const dayNumber = Math.round(startMs / (MINUTES_A_DAY * MINUTE_MS));
  const random = randomFrom(dayNumber);
  const crossings: Crossing[] = [];
  const taken = new Set<string>();
  for (let minute = 0; minute < MINUTES_A_DAY; minute++) {
    const passers = Array.from({ length: PASSERS_A_MINUTE }, () =>
      pass(startMs + (minute + random()) * MINUTE_MS, random),
    );
    const visits: Crossing[][] = [];
    for (let left = visitsIn(minute, date.dayOfWeek >= 6); left > random(); left--) {
      visits.push(walk(startMs + (minute + random()) * MINUTE_MS, random, minute / 60));
    }
    for (const walked of [...passers, ...visits]) {
      for (const crossing of walked) {
        // Two do not pass a door in one millisecond. Days take turns at even and odd ones, so neither do two of two days.
        let timestampMs = Math.floor(crossing.timestampMs / 2) * 2 + (dayNumber % 2);
        while (taken.has(`${crossing.doorId} ${timestampMs}`)) timestampMs += 2;
        taken.add(`${crossing.doorId} ${timestampMs}`);
        crossings.push({ ...crossing, timestampMs });
      }
    }
  }
  return crossings.sort((one, other) => one.timestampMs - other.timestampMs);
}

/** Every crossing in [fromMs, untilMs). */
export function crossingsBetween(fromMs: number, untilMs: number, zone: string): Crossing[] {
  const crossings: Crossing[] = [];
  const last = localDate(untilMs, zone);
  // Who came the day before may still be there.
  for (let date = localDate(fromMs, zone).subtract({ days: 1 }); ; date = date.add({ days: 1 })) {
    if (Temporal.PlainDate.compare(date, last) > 0) break;
    const isWithin = ({ timestampMs }: Crossing) => timestampMs >= fromMs && timestampMs < untilMs;
    crossings.push(...crossingsOf(date, zone).filter(isWithin));
  }
  return crossings.sort((one, other) => one.timestampMs - other.timestampMs);
}

function visitsIn(minute: number, isWeekend: boolean): number {
  const busy = PEAKS.reduce((sum, { hour, width, visits }) => {
    return sum + visits * Math.exp(-(((minute / 60 - hour) / width) ** 2));
  }, 0);
  return VISITS_AT_NIGHT + busy * (isWeekend ? WEEKEND_SHARE : 1);
}

function pass(beginsMs: number, random: Random): Crossing[] {
  return through(beginsMs, null, [stop('hall', 0.3, 1.2, random)], null, random);
}

function walk(beginsMs: number, random: Random, hour: number): Crossing[] {
  const kind = random();
  const isOfficeTime = hour > 7 && hour < 18;
  if (kind < 0.4) return departure(beginsMs, random);
  if (kind < 0.78) return arrival(beginsMs, random);
  if (kind < 0.86 && isOfficeTime) return through(beginsMs, null, workday(random), null, random);
  const place = pick(['cafe', 'cafe', 'bookshop', 'bakery', 'tickets', 'lounge'], random);
  const path = place === 'lounge' ? [stop('hall', 1, 3, random), stop('gallery', 1, 3, random)] : [];
  const visit = [stop('hall', 1, 4, random), ...path.slice(1), stop(place, 5, 35, random)];
  const back = place === 'cafe' && random() < 0.4 ? [] : [...path.slice(1), stop('hall', 1, 3, random)];
  return through(beginsMs, null, [...visit, ...back], null, random);
}

/** From the street to a train. */
function departure(beginsMs: number, random: Random): Crossing[] {
  const number = 1 + Math.floor(random() * 4);
  const platform = `platform-${number}`;
  const errand =
    random() < 0.3
      ? [stop(pick(['bakery', 'bookshop', 'tickets', 'lockers'], random), 1, 6, random), stop('hall', 0.5, 2, random)]
      : [];
  const wait = random() < 0.15 ? [stop('waiting', 3, 12, random), stop('underpass', 0.3, 0.8, random)] : ([] as Stop[]);
  const stops = [stop('hall', 1, 6, random), ...errand, stop('underpass', 0.5, 1.5, random), ...wait];
  const thereMs = beginsMs + stops.reduce((sum, { stayMs }) => sum + stayMs, 0) + MINUTE_MS;
  const stayMs = trainAfter(thereMs, number) - thereMs + MINUTE_MS + random() * 40_000;
  return through(beginsMs, null, [...stops, { place: platform, stayMs }], null, random);
}

/** From a train to the street. */
function arrival(beginsMs: number, random: Random): Crossing[] {
  const number = 1 + Math.floor(random() * 4);
  const errand =
    random() < 0.2
      ? [stop(pick(['bakery', 'cafe', 'lockers'], random), 2, 14, random), stop('hall', 0.5, 1.5, random)]
      : [];
  const stops = [stop(`platform-${number}`, 0.4, 2, random), stop('underpass', 0.5, 1.5, random)];
  const trainMs = trainAfter(beginsMs, number) + random() * 50_000;
  return through(trainMs, null, [...stops, stop('hall', 0.7, 3, random), ...errand], null, random);
}

function workday(random: Random): Stop[] {
  const ends = [stop('hall', 0.7, 2, random), stop('gallery', 0.5, 2, random)] as const;
  const [first, second] = [
    pick(['coworking', 'coworking', 'meeting-1', 'meeting-2'], random),
    stop('gallery', 1, 4, random),
  ];
  const lunch = random() < 0.4 ? [stop('cafe', 15, 40, random), stop('hall', 1, 2, random)] : [];
  return [...ends, stop(first, 25, 110, random), second, stop('hall', 0.7, 2, random), ...lunch];
}

function trainAfter(atMs: number, platform: number): number {
  const offsetMs = platform * 2.5 * MINUTE_MS;
  return Math.ceil((atMs - offsetMs) / TRAINS_EVERY_MS) * TRAINS_EVERY_MS + offsetMs;
}

function stop(place: string, minutesMin: number, minutesMax: number, random: Random): Stop {
  return { place, stayMs: (minutesMin + random() * (minutesMax - minutesMin)) * MINUTE_MS };
}

/** The doors on the way through `stops`, from outside to outside. */
function through(beginsMs: number, first: Place, stops: readonly Stop[], last: Place, random: Random): Crossing[] {
  const crossings: Crossing[] = [];
  let timestampMs = beginsMs;
  let from = first;
  for (const { place: to, stayMs } of [...stops, { place: last, stayMs: 0 }]) {
    const isPlatform = (from ?? '').startsWith('platform') || (to ?? '').startsWith('platform');
    const joins = ({ to: a, from: b, id }: Door) =>
      ((a === to && b === from) || (a === from && b === to)) && (isPlatform || !id.startsWith('trains'));
    const door = pick(DOORS.filter(joins), random);
    crossings.push({ doorId: door.id, direction: door.to === to ? 1 : -1, timestampMs, from, to });
    timestampMs += stayMs;
    from = to;
  }
  return crossings;
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
