// A DPU as those who bring its messages remember it: known from the fact on that makes it known.
import { expect, test } from 'vitest';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { Sender } from '../../shared/sender.ts';

test('a DPU is known as soon as the floor plan has it, and no longer than that', () => {
  const plan = new Floorplan();
  const id = '423' as DpuId;
  const sender = new Sender(id, plan);
  const known: boolean[] = [sender.isKnown];
  let number = 0;
  const recorded = () => ({ number: ++number, recordedAtMs: 0, by: null });
  plan.apply({ ...recorded(), change: { kind: 'dpu', id, name: '423', retiredAtMs: null } });
  known.push(sender.isKnown);
  plan.apply({ ...recorded(), change: { kind: 'dpu', id: '424' as DpuId, name: '424', retiredAtMs: null } });
  known.push(sender.isKnown);
  plan.apply({ ...recorded(), change: { kind: 'dpu_removed', id } });
  known.push(sender.isKnown);
  expect(known).toEqual([false, true, true, false]);
});
