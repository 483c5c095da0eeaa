// What has been measured, as plain data: it goes between threads and processes, and readings of the same thing add up.

export type Labels = Readonly<Record<string, string>>;

/** `name`: where it is not the reading's own, as the parts of a histogram have. */
export type Value = { readonly name?: string; readonly labels: Labels; readonly value: number };

/** One metric in the terms of Prometheus. No label names a DPU, a space, a client or an address. */
export type Reading = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly Value[];
};

/** Reads everything that one part of the service counts. Called at a scrape only. */
export type Measure = () => Promise<readonly Reading[]>;

type Numbers = number | Readonly<Record<string, number>>;

/** A number that only grows; or one for each value of `label`. */
export function counter(name: string, help: string, numbers: Numbers, label = ''): Reading {
  return { name, help, type: 'counter', values: valuesOf(numbers, label) };
}

/** A number that also falls; or one for each value of `label`. */
export function gauge(name: string, help: string, numbers: Numbers, label = ''): Reading {
  return { name, help, type: 'gauge', values: valuesOf(numbers, label) };
}

function valuesOf(numbers: Numbers, label: string): Value[] {
  if (typeof numbers === 'number') return [{ labels: {}, value: numbers }];
  return Object.entries(numbers).map(([value, number]) => ({ labels: { [label]: value }, value: number }));
}

/** One reading a name, with the values of equal labels added up. */
export function addUp(readings: readonly Reading[]): Reading[] {
  return [...Map.groupBy(readings, ({ name }) => name).values()].map((same) => {
    const sums = new Map<string, Value>();
    for (const value of same.flatMap(({ values }) => values)) {
      const key = JSON.stringify([value.name, value.labels]);
      sums.set(key, { ...value, value: value.value + (sums.get(key)?.value ?? 0) });
    }
    return { ...(same[0] as Reading), values: [...sums.values()] };
  });
}
