// Local time by brute force: looks at the wall clock of a zone every quarter of an hour. Knows nothing of Temporal.

/** Zones change their offsets at full quarters of an hour only. */
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export type ModelInterval = '1m' | '5m' | '15m' | '1h' | '1d' | '1w';
const STEP_MS = { '1m': 60_000, '5m': 300_000, '15m': QUARTER_MS, '1h': HOUR_MS, '1d': null, '1w': null } as const;

const clocks = new Map<string, Intl.DateTimeFormat>();
const walls = new Map<string, number>();
const firsts = new Map<string, number | null>();

/** What the clock on the wall shows at a full quarter, as if it were UTC. */
function wallMs(zone: string, quarterMs: number): number {
  const key = `${zone} ${quarterMs}`;
  let shown = walls.get(key);
  if (shown !== undefined) return shown;
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const digits = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...digits });
    clocks.set(zone, clock);
  }
  const parts = new Map(clock.formatToParts(quarterMs).map(({ type, value }) => [type, Number(value)]));
  const of = (part: Intl.DateTimeFormatPartTypes) => parts.get(part) ?? 0;
  shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'));
  walls.set(key, shown);
  return shown;
}

/** The first instant at which the wall of `zone` shows `time` of `dateMs` or later; null for a date that it never shows. */
export function firstShown(zone: string, dateMs: number, time: string): number | null {
  const key = `${zone} ${dateMs} ${time}`;
  const known = firsts.get(key);
  if (known !== undefined) return known;
  const targetMs = dateMs + Date.parse(`1970-01-01T${time}:00Z`);
  let first: number | null = null;
  let isShown = false;
  for (let quarterMs = dateMs - 15 * HOUR_MS; quarterMs < dateMs + DAY_MS + 15 * HOUR_MS; quarterMs += QUARTER_MS) {
    const fromMs = wallMs(zone, quarterMs);
    if (fromMs >= dateMs && fromMs < dateMs + DAY_MS) isShown = true;
    if (first === null && fromMs + QUARTER_MS > targetMs) first = quarterMs + Math.max(0, targetMs - fromMs);
  }
  const found = isShown ? first : null;
  firsts.set(key, found);
  return found;
}

/** The last time at or before `atMs` at which a day of `zone` came to `time`. */
export function lastDailyMs(zone: string, time: string, atMs: number): number {
  for (let dateMs = utcDate(atMs) + 2 * DAY_MS; ; dateMs -= DAY_MS) {
    const instantMs = firstShown(zone, dateMs, time);
    if (instantMs !== null && instantMs <= atMs) return instantMs;
  }
}

/** The zone that holds from `fromMs` on. */
export type ModelZone = { readonly fromMs: number; readonly zone: string };

/** The buckets that touch [fromMs, untilMs), the last cut at its end: days begin when the wall first shows the date. */
export function bucketsByForce(
  zones: readonly ModelZone[],
  interval: ModelInterval,
  fromMs: number,
  untilMs: number,
): [number, number][] {
  const edges = new Set<number>();
  for (const [index, { fromMs: beginMs, zone }] of zones.entries()) {
    const endMs = zones[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    if (Number.isFinite(beginMs)) edges.add(beginMs);
    for (const edge of edgesAround(zone, interval, fromMs, untilMs))
      if (beginMs <= edge && edge < endMs) edges.add(edge);
  }
  const sorted = [...edges].sort((one, other) => one - other);
  const pairs = sorted.map((edge, index): [number, number] => [edge, Math.min(sorted[index + 1] ?? untilMs, untilMs)]);
  return pairs.filter(([start, end]) => end > fromMs && start < untilMs);
}

function edgesAround(zone: string, interval: ModelInterval, fromMs: number, untilMs: number): number[] {
  const edges: number[] = [];
  const stepMs = STEP_MS[interval];
  for (let dateMs = utcDate(fromMs) - 9 * DAY_MS; dateMs < untilMs + 9 * DAY_MS; dateMs += DAY_MS) {
    const startMs = firstShown(zone, dateMs, '00:00');
    if (startMs === null) continue;
    if (interval === '1d' || (interval === '1w' && new Date(dateMs).getUTCDay() === 1)) edges.push(startMs);
    if (stepMs === null) continue;
    // A date may be missing, never two in a row.
    const endMs = firstShown(zone, dateMs + DAY_MS, '00:00') ?? firstShown(zone, dateMs + 2 * DAY_MS, '00:00') ?? 0;
    for (let edge = startMs; edge < endMs; edge += stepMs) edges.push(edge);
  }
  return edges;
}

function utcDate(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}
