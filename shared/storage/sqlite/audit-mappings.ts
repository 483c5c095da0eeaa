// How the events of one hour are mapped, held against what the facts say.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DpuId } from '../../ids.ts';
import type { Truth } from '../history.ts';
import { packEvents } from './difference-packing.ts';
import { type DifferenceRow, Differences, stepsIn } from './differences.ts';
import { type EventRow, identityOf, timestampOf } from './event-row.ts';
import type { Names } from './names.ts';

export type Fault = { readonly space: number | null; readonly detail: string };

/** An event is mapped so (by number) from `recordedAtMs` on; `cause`: the fact that changed it, null for the first. */
export type AuditedStep = { readonly recordedAtMs: number; readonly mapping: number; readonly cause: number | null };

type Audited = [row: EventRow, steps: readonly AuditedStep[]];

export class AuditMappings {
  readonly #names: Names;
  readonly #truth: Truth;
  readonly #repair: boolean;
  readonly #dpuIds = new Map<number, DpuId>();
  readonly #differences: Differences;
  readonly #setMapping: StatementSync;

  constructor(database: DatabaseSync, names: Names, truth: Truth, repair: boolean) {
    this.#names = names;
    this.#truth = truth;
    this.#repair = repair;
    for (const row of database.prepare('SELECT number, id FROM dpu').iterate()) {
      this.#dpuIds.set(Number(row['number']), row['id'] as DpuId);
    }
    this.#differences = new Differences(database);
    this.#setMapping = database.prepare(
      'UPDATE event SET mapping = ? WHERE second = ? AND dpu = ? AND ms = ? AND direction = ? AND epoch = ? AND seq = ?',
    );
  }

  /** Each of the rows, all of one hour, with how it is mapped: as kept where that is right, else as it should be. */
  check(hour: number, rows: readonly EventRow[], faults: Fault[]): Audited[] {
    const checked: Audited[] = [];
    for (const [dpu, ofDpu] of Map.groupBy(rows, (row) => row[1])) {
      const keptRows = this.#differences.ofDpu(dpu, hour, hour);
      const keptOf = stepsIn(keptRows);
      const audited: Audited[] = [];
      let isRight = true;
      for (const row of ofDpu) {
        const first = { recordedAtMs: timestampOf(row) + row[6], mapping: row[8], cause: null };
        const steps = keptOf(identityOf(row));
        const later = steps.map(({ recordedAtMs, becomes, cause }) => ({ recordedAtMs, mapping: becomes, cause }));
        const [kept, right] = [[first, ...later], this.#rightSteps(row)];
        // Each takes back what was before it: sums that are read from differences take both at their word.
        const isChain = steps.every(({ was }, index) => was === kept[index]?.mapping);
        const isKept = isChain && areSame(kept, right);
        audited.push([row, isKept ? kept : right]);
        if (isKept) continue;
        isRight = false;
        const names = (steps: readonly AuditedStep[]) => steps.map(({ mapping }) => mapping).join(' → ');
        const at = `event of DPU ${this.#dpuIds.get(dpu)} at ${new Date(timestampOf(row)).toISOString()}`;
        faults.push({ space: null, detail: `${at}: mapped ${names(kept)}, should be ${names(right)}` });
      }
      if (!this.#differences.arePlaced(keptRows)) {
        faults.push({
          space: null,
          detail: `differences of DPU ${this.#dpuIds.get(dpu)} are not found in hour ${hour}`,
        });
        if (this.#repair) this.#differences.place(keptRows);
      }
      if (!isRight && this.#repair) this.#rewrite(hour, dpu, audited);
      checked.push(...audited);
    }
    return checked;
  }

  #rightSteps(row: EventRow): AuditedStep[] {
    const recordedAtMs = timestampOf(row) + row[6];
    const steps = this.#truth(this.#dpuIds.get(row[1]) as DpuId, timestampOf(row), recordedAtMs);
    return steps.map(({ mapping, ...step }) => ({ ...step, mapping: this.#names.mapping(mapping) }));
  }

  #rewrite(hour: number, dpu: number, audited: readonly Audited[]): void {
    this.#differences.drop(dpu, hour);
    const right: DifferenceRow[] = [];
    for (const [row, steps] of audited) {
      for (const [index, { recordedAtMs, mapping, cause }] of steps.entries()) {
        const before = steps[index - 1];
        if (before === undefined) {
          this.#setMapping.run(mapping, ...row.slice(0, 6));
          continue;
        }
        const packed = packEvents([identityOf(row)]);
        right.push([dpu, hour, cause ?? 0, before.mapping, mapping, recordedAtMs, packed]);
      }
    }
    this.#differences.add(right);
  }
}

/** Equal as answers: what held after everything recorded at one instant, instant by instant. */
function areSame(one: readonly AuditedStep[], other: readonly AuditedStep[]): boolean {
  const settled = (steps: readonly AuditedStep[]) => {
    const last = steps.filter((step, index) => steps[index + 1]?.recordedAtMs !== step.recordedAtMs);
    const moved = last.filter((step, index) => last[index - 1]?.mapping !== step.mapping);
    return moved.map((step) => `${step.recordedAtMs} ${step.mapping}`).join();
  };
  return settled(one) === settled(other);
}
