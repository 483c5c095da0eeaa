// People walking through a generated building. Where each of them is at every moment is known, so counts can be judged.
import { type Building, type Door, type Place, spacesAround } from './building.ts';

export type Crossing = { readonly dpuId: string; readonly direction: 1 | -1; readonly timestampMs: number };

type Step = { readonly timestampMs: number; readonly from: Place; readonly to: Place };
type Move = { readonly door: Door; readonly direction: 1 | -1; readonly to: Place };

/** Of ten steps, how many are somebody's who is inside already. */
const SHARE_OF_INSIDERS = 0.8;

export class Crowd {
  readonly #building: Building;
  readonly #random: () => number;
  readonly #movesFrom = new Map<Place, Move[]>();
  readonly #insiders: Place[] = [];
  readonly #steps: Step[] = [];
  readonly #newestMs = new Map<string, number>();

  /** `random` answers numbers in [0, 1). */
  constructor(building: Building, random: () => number) {
    this.#building = building;
    this.#random = random;
    for (const door of building.doors) {
      this.#addMove(door.from, { door, direction: 1, to: door.to });
      this.#addMove(door.to, { door, direction: -1, to: door.from });
    }
  }

  /** Somebody goes through a door at `nowMs`, or, as two do not pass a door in one millisecond, right after. */
  step(nowMs: number): Crossing {
    const inside = this.#insiders.length > 0 && this.#random() < SHARE_OF_INSIDERS;
    const person = inside ? Math.floor(this.#random() * this.#insiders.length) : this.#insiders.length;
    const from = inside ? (this.#insiders[person] as Place) : null;
    const moves = this.#movesFrom.get(from) as Move[];
    const { door, direction, to } = moves[Math.floor(this.#random() * moves.length)] as Move;
    if (to === null) this.#insiders.splice(person, 1);
    else this.#insiders[person] = to;
    const timestampMs = Math.max(nowMs, (this.#newestMs.get(door.dpuId) ?? 0) + 1);
    this.#newestMs.set(door.dpuId, timestampMs);
    this.#steps.push({ timestampMs, from, to });
    return { dpuId: door.dpuId, direction, timestampMs };
  }

  /** How many people are in each space at `atMs`, by where they are, not by what the DPUs said. */
  countsAt(atMs: number): Map<string, number> {
    const counts = new Map([...this.#building.parents.keys()].map((space) => [space, 0]));
    const add = (place: Place, change: number): void => {
      for (const space of spacesAround(this.#building, place)) counts.set(space, (counts.get(space) ?? 0) + change);
    };
    for (const { timestampMs, from, to } of this.#steps) {
      if (timestampMs > atMs) continue;
      add(from, -1);
      add(to, 1);
    }
    return counts;
  }

  #addMove(from: Place, move: Move): void {
    this.#movesFrom.set(from, [...(this.#movesFrom.get(from) ?? []), move]);
  }
}
