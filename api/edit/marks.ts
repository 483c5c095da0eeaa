// What a request for a reset of a space or a void of a DPU, or to revoke one, comes to.
import { z } from 'zod';
import type { Change } from '../../shared/fact.ts';
import type { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId, OutageId, ResetId, SpaceId, VoidId } from '../../shared/ids.ts';
import { dpuOf, outageOf, resetOf, retired, spaceOf, voidOf } from '../lookup.ts';
import { invalidField, Problem } from '../problem.ts';
import { change, count, moment, reason } from '../schemas.ts';
import { faultOfSpan } from './placements.ts';

export const resetBody = z.strictObject({
  at: moment.optional().describe('Default now; not in the future.'),
  count: count.nullable().optional().describe('Sets the count. Exactly one of count and change.'),
  change: change.nullable().optional().describe('Changes the count by so many.'),
  reason: reason.optional(),
});

export const voidBody = z.strictObject({ from: moment, until: moment, reason: reason.optional() });

export const outageBody = z.strictObject({
  from: moment.nullable().optional().describe('null: since ever'),
  until: moment.nullable().optional().describe('null: still'),
  reason: reason.optional(),
});

/** At `at` the count of the space was `count`, or changed by `change`. */
export function createReset(
  plan: Floorplan,
  spaceId: SpaceId,
  id: ResetId,
  body: z.output<typeof resetBody>,
  nowMs: number,
): Change[] {
  const space = spaceOf(plan, spaceId);
  const { at: atMs = nowMs, count = null, change = null, reason = null } = body;
  const fault = faultOfReset(count, change);
  if (fault !== null) throw invalidField('body.count', fault);
  if (atMs > nowMs) {
    const message = 'a reset says what was; give a moment that has been';
    throw new Problem('at_in_future', message, { errors: [{ path: 'body.at', message }] });
  }
  if (space.retiredAtMs !== null && atMs >= space.retiredAtMs) throw retired('space', spaceId);
  return [{ kind: 'reset', id, spaceId, atMs, count, change, reason }];
}

/** What is wrong with a reset of these; null: nothing. */
export function faultOfReset(count: number | null, change: number | null): string | null {
  return (count === null) === (change === null) ? 'give exactly one of count and change' : null;
}

/** Nothing when it is revoked already. */
export function revokeReset(plan: Floorplan, spaceId: SpaceId, id: string): Change[] {
  const reset = resetOf(plan, spaceId, id);
  return reset.revokedAtMs === null ? [{ kind: 'reset_revoked', id: reset.id }] : [];
}

/** Events of the DPU in [from, until) do not count. */
export function createVoid(plan: Floorplan, dpuId: DpuId, id: VoidId, body: z.output<typeof voidBody>): Change[] {
  dpuOf(plan, dpuId);
  const { from: fromMs, until: untilMs, reason = null } = body;
  const fault = faultOfSpan(fromMs, untilMs);
  if (fault !== null) throw invalidField('body.until', fault);
  return [{ kind: 'void', id, dpuId, fromMs, untilMs, reason }];
}

/** Nothing when it is revoked already. */
export function revokeVoid(plan: Floorplan, dpuId: DpuId, id: string): Change[] {
  const entry = voidOf(plan, dpuId, id);
  return entry.revokedAtMs === null ? [{ kind: 'void_revoked', id: entry.id }] : [];
}

/** Nobody waits for events of the DPU in [from, until). */
export function createOutage(plan: Floorplan, dpuId: DpuId, id: OutageId, body: z.output<typeof outageBody>): Change[] {
  dpuOf(plan, dpuId);
  const { from: fromMs = null, until: untilMs = null, reason = null } = body;
  const fault = faultOfSpan(fromMs, untilMs);
  if (fault !== null) throw invalidField('body.until', fault);
  return [{ kind: 'outage', id, dpuId, fromMs, untilMs, reason }];
}

/** Nothing when it is revoked already. */
export function revokeOutage(plan: Floorplan, dpuId: DpuId, id: string): Change[] {
  const entry = outageOf(plan, dpuId, id);
  return entry.revokedAtMs === null ? [{ kind: 'outage_revoked', id: entry.id }] : [];
}
