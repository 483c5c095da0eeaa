// Many small reads of one turn of the event loop as one: a crowd that asks for a count each costs little more than one who asks for all.

/** `read` answers one value for each key, in their order, and so does what is returned; `read` is called once a turn. */
export function gather<Key, Value>(
  read: (keys: readonly Key[]) => Promise<readonly Value[]>,
): (keys: readonly Key[]) => Promise<Value[]> {
  let turn: { readonly places: Map<Key, number>; readonly values: Promise<readonly Value[]> } | null = null;
  const begin = () => {
    const places = new Map<Key, number>();
    const values = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      turn = null;
      return read([...places.keys()]);
    });
    return { places, values };
  };
  return async (keys) => {
    turn ??= begin();
    const { places, values } = turn;
    const own = keys.map((key) => {
      const place = places.get(key) ?? places.size;
      places.set(key, place);
      return place;
    });
    const all = await values;
    return own.map((place) => all[place] as Value);
  };
}
