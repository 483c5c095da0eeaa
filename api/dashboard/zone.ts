// Local time of a building: moments as its clocks show them, and the beginnings of its days, weeks and years.

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options });
  formats.set(key, made);
  return made;
}

/** How far the clocks of `zone` are ahead of UTC at `atMs`. */
function offsetMs(atMs: number, zone: string): number {
  const options = { dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' } as const;
  const parts = new Map(
    formatOf(zone, options)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: string) => parts.get(type as never) ?? 0;
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return local - Math.floor(atMs / 1000) * 1000;
}

/** What the clocks of `zone` show at `atMs`, as if it were UTC. */
function localMs(atMs: number, zone: string): number {
  return atMs + offsetMs(atMs, zone);
}

/** When the clocks of `zone` show `local`. */
function instantMs(local: number, zone: string): number {
  const guessMs = local - offsetMs(local, zone);
  return local - offsetMs(guessMs, zone);
}

export type Unit = 'day' | 'week' | 'year';

/** The beginning of the day, week or year that holds `atMs`, or of the one `steps` later. */
export function startOf(unit: Unit, atMs: number, zone: string, steps = 0): number {
  const local = localMs(atMs, zone);
  const midnight = Math.floor(local / DAY_MS);
  if (unit === 'day') return instantMs((midnight + steps) * DAY_MS, zone);
  // 1970-01-01 was a Thursday.
  if (unit === 'week') return instantMs((midnight - ((midnight + 3) % 7) + 7 * steps) * DAY_MS, zone);
  return instantMs(Date.UTC(new Date(local).getUTCFullYear() + steps, 0, 1), zone);
}

/** As `<input type="datetime-local">` holds it. */
export function inputText(atMs: number, zone: string): string {
  return new Date(localMs(atMs, zone))
    .toISOString()
    .slice(0, 23)
    .replace(/\.000$/, '');
}

/** What such an input means; null when it is empty. */
export function inputMs(text: string, zone: string): number | null {
  const local = Date.parse(`${text}Z`);
  return Number.isNaN(local) ? null : instantMs(local, zone);
}

export function timeText(atMs: number, zone: string): string {
  return formatOf(zone, { timeStyle: 'medium' }).format(atMs);
}

export function dayText(atMs: number, zone: string): string {
  return formatOf(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(atMs);
}

export function momentText(atMs: number, zone: string): string {
  return `${dayText(atMs, zone)}, ${timeText(atMs, zone)}`;
}

/** A mark on an axis whose marks are `stepS` seconds apart. */
export function tickText(atMs: number, stepS: number, zone: string): string {
  if (stepS < 86_400) {
    const clock = timeText(atMs, zone).slice(0, 5);
    return clock === '00:00' ? formatOf(zone, { weekday: 'short', day: 'numeric' }).format(atMs) : clock;
  }
  if (stepS < 20 * 86_400) return formatOf(zone, { day: 'numeric', month: 'short' }).format(atMs);
  return formatOf(zone, { month: 'short' }).format(atMs);
}
