// How sure a count is: the watermark of its space, the DPUs that hold it back, and whether its doorways were watched.
import type { Coverage, DoorwayCoverage } from './coverage.ts';
import type { Dpu, Floorplan } from './floorplan.ts';
import { type Heard, NEVER_HEARD, watermarkOf } from './heard.ts';
import type { DpuId, SpaceId } from './ids.ts';
import type { Span } from './storage/history.ts';
import { startMs } from './versions.ts';
import type { SpaceWatch } from './watch.ts';

/** DPUs named in one answer (CONTRACT.md, Counts). */
const NAMED_MAX = 100;

export type CertaintyRules = { readonly latenessAllowedMs: number; readonly lostAfterMs: number };

export type Certainty = {
  readonly status: 'settled' | 'provisional';
  /** Null when a DPU that holds it back was never heard. */
  readonly watermarkMs: number | null;
  readonly waitingFor: readonly DpuId[];
  readonly lost: readonly DpuId[];
  readonly coverage: Coverage;
};

export type CertaintySources = {
  readonly plan: Floorplan;
  readonly watch: SpaceWatch;
  readonly coverage: DoorwayCoverage;
  readonly rules: CertaintyRules;
};

/** A count of the space at `atMs` that starts after `afterMs`. */
export type Asked = { readonly spaceId: SpaceId; readonly afterMs: number; readonly atMs: number };

/** `isRecounting`: a fact that is not yet in every count touches this one. */
export function certaintyOf(
  { plan, watch, coverage, rules }: CertaintySources,
  { spaceId, afterMs, atMs }: Asked,
  heardOf: ReadonlyMap<DpuId, Heard>,
  now: { readonly ms: number; readonly isRecounting: boolean },
): Certainty {
  const waitingFor: DpuId[] = [];
  const lost: DpuId[] = [];
  let watermarkMs: number | null = now.ms;
  for (const [dpuId, periods] of watch.of(spaceId)) {
    const dpu = plan.dpus.get(dpuId);
    const heard = heardOf.get(dpuId) ?? NEVER_HEARD;
    const arrivedMs = watermarkOf(heard, now.ms, rules.latenessAllowedMs) ?? Number.NEGATIVE_INFINITY;
    const isLost = heard.heardAtMs !== null && now.ms - heard.heardAtMs > rules.lostAfterMs;
    const missing = periods.filter((period) => arrivedMs < neededUntil(period, now.ms));
    const isExcused = (untilMs: number) => dpu !== undefined && isExcusedAt(dpu, untilMs);
    const held = missing.filter((period) => !isExcused(neededUntil(period, now.ms)));
    if (held.length > 0 && !isLost) watermarkMs = lesser(watermarkMs, arrivedMs);
    const asked = missing.filter(({ fromMs, untilMs }) => fromMs <= atMs && untilMs > afterMs + 1);
    const open = asked.filter((period) => arrivedMs < neededUntil(period, atMs));
    if (open.length > 0 && isLost) lost.push(dpuId);
    else if (open.some((period) => !isExcused(neededUntil(period, atMs)))) waitingFor.push(dpuId);
  }
  return {
    status: waitingFor.length === 0 && !now.isRecounting ? 'settled' : 'provisional',
    watermarkMs,
    waitingFor: waitingFor.sort().slice(0, NAMED_MAX),
    lost: lost.sort().slice(0, NAMED_MAX),
    coverage: coverage.of(spaceId, afterMs, atMs),
  };
}

/** Up to when events of the period matter to a count at `atMs`. */
function neededUntil({ untilMs }: Span, atMs: number): number {
  return Math.min(atMs, untilMs);
}

function isExcusedAt({ outages }: Dpu, atMs: number): boolean {
  return outages.some(
    (outage) =>
      outage.revokedAtMs === null && startMs(outage) <= atMs && (outage.untilMs === null || atMs <= outage.untilMs),
  );
}

/** Null is before everything. */
function lesser(watermarkMs: number | null, arrivedMs: number): number | null {
  if (watermarkMs === null || !Number.isFinite(arrivedMs)) return null;
  return Math.min(watermarkMs, arrivedMs);
}
