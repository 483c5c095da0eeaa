// The late ledger's shifts of one day, held against what the day's differences come to.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { packHours, type Shifts, ShiftWriter } from './late-ledger.ts';

export class AuditShifts {
  readonly #writer: ShiftWriter;
  readonly #repair: boolean;
  readonly #kept: StatementSync;
  readonly #drop: StatementSync;

  constructor(database: DatabaseSync, repair: boolean) {
    this.#writer = new ShiftWriter(database);
    this.#repair = repair;
    this.#kept = database.prepare('SELECT space, recorded_at, net, hours FROM shift_day WHERE day = ?');
    this.#drop = database.prepare('DELETE FROM shift_day WHERE day = ?');
  }

  /** The spaces whose shifts of the day are wrong. Call within one transaction. */
  check(day: number, shifts: Shifts): number[] {
    const right = new Map<string, string>();
    for (const { space, recordedAtMs, nets } of shifts.rows()) {
      const net = nets.reduce((sum, value) => sum + value, 0);
      right.set(`${space} ${recordedAtMs}`, textOf(net, packHours(nets)));
    }
    const kept = new Map<string, string>();
    for (const { space, recorded_at: recordedAtMs, net, hours } of this.#kept.all(day)) {
      kept.set(`${space} ${recordedAtMs}`, textOf(Number(net), hours as Uint8Array));
    }
    const nothing = textOf(0, packHours([]));
    const keys = [...new Set([...right.keys(), ...kept.keys()])];
    const wrong = keys.filter((key) => (right.get(key) ?? nothing) !== (kept.get(key) ?? nothing));
    if (wrong.length > 0 && this.#repair) {
      this.#drop.run(day);
      this.#writer.write(shifts);
    }
    return [...new Set(wrong.map((key) => Number(key.split(' ')[0])))];
  }
}

function textOf(net: number, hours: Uint8Array): string {
  return `${net} ${hours.join()}`;
}
