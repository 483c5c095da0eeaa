// Many small reads of one turn of the event loop as one: a crowd that asks for a count each costs little more than one who asks for all.

export class Turn {
  /** One for each kind of read, in the order in which they were made. */
  readonly #kinds: (() => void)[] = [];
  #hasBegun = false;

  /**
   * `read` answers one value for each key, in their order, and so does what is returned. Once a turn, whatever has been asked
   * of each kind is read, in the order in which the kinds were made: no answer of a later kind is older than one of an earlier.
   */
  gather<Key, Value>(
    read: (keys: readonly Key[]) => Promise<readonly Value[]>,
  ): (keys: readonly Key[]) => Promise<Value[]> {
    type Asked = { readonly places: Map<Key, number>; readonly answer: PromiseWithResolvers<readonly Value[]> };
    let asked: Asked | null = null;
    this.#kinds.push(() => {
      if (asked === null) return;
      const { places, answer } = asked;
      asked = null;
      read([...places.keys()]).then(answer.resolve, answer.reject);
    });
    return async (keys) => {
      this.#begin();
      asked ??= { places: new Map(), answer: Promise.withResolvers() };
      const { places, answer } = asked;
      const own = keys.map((key) => {
        const place = places.get(key) ?? places.size;
        places.set(key, place);
        return place;
      });
      const all = await answer.promise;
      return own.map((place) => all[place] as Value);
    };
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    setImmediate(() => {
      this.#hasBegun = false;
      for (const read of this.#kinds) read();
    });
  }
}
