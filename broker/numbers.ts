// A queue of numbers that keeps its room: an array that is pushed to and shifted from gets new memory for almost every push.

/** Taken numbers in front that are put up with before what is left moves up. */
const TAKEN_MAX = 1_024;

export class Numbers {
  readonly #all: number[] = [];
  #first = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#first;
  }

  push(value: number): void {
    if (this.#end === this.#all.length) this.#all.push(value);
    else this.#all[this.#end] = value;
    this.#end += 1;
  }

  /** The oldest; undefined: there is none. */
  shift(): number | undefined {
    if (this.#first === this.#end) return undefined;
    const value = this.#all[this.#first];
    this.#first += 1;
    if (this.#first === this.#end) {
      this.#first = 0;
      this.#end = 0;
    } else if (this.#first === TAKEN_MAX) {
      this.#all.copyWithin(0, this.#first, this.#end);
      this.#end -= this.#first;
      this.#first = 0;
    }
    return value;
  }
}
