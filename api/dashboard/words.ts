// Numbers and states as people read them.
import type { Count } from './shapes.ts';

/** A minus as it is printed. */
export function numberText(value: number): string {
  return value.toLocaleString('en-GB').replace('-', '−');
}

export function signedText(value: number): string {
  return value > 0 ? `+${numberText(value)}` : numberText(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 36 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** `unknown_dpu` as `unknown dpu`. */
export function plain(code: string): string {
  return code.replaceAll('_', ' ').replace(/\bdpu\b/g, 'DPU');
}

/** How much a count can be relied upon, the worst thing first. */
export type Trust = 'lost' | 'held' | 'fresh' | 'settled' | 'unwatched';

/** A watermark is a minute behind even when all goes well. */
const HELD_AFTER_MS = 150_000;

export function trustOf({ at, status, watermark, lost, coverage }: Count): Trust {
  if (coverage === 'none') return 'unwatched';
  if ((lost?.length ?? 0) > 0) return 'lost';
  if (status === 'settled') return 'settled';
  const behindMs = watermark === null || watermark === undefined ? Number.NaN : Date.parse(at) - Date.parse(watermark);
  return watermark === null || behindMs > HELD_AFTER_MS ? 'held' : 'fresh';
}

export const TRUST_WORDS: Readonly<Record<Trust, string>> = {
  settled: 'settled',
  fresh: 'provisional',
  held: 'provisional, held back',
  lost: 'a sensor is lost',
  unwatched: 'no sensors',
};

export type Fullness = 'calm' | 'busy' | 'over';

/** Busy from 80 % of the capacity, over from above all of it. */
export function fullnessOf(occupancy: number, capacity: number | null): Fullness {
  if (capacity === null || capacity === 0) return 'calm';
  if (occupancy > capacity) return 'over';
  return occupancy >= 0.8 * capacity ? 'busy' : 'calm';
}
