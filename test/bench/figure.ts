// A figure: what was measured, beside whom, and what it should be.

export type Figure = {
  readonly name: string;
  readonly measured: string;
  /** Whom or what it is compared with, measured in the same run. */
  readonly peer: string;
  readonly target: string;
  readonly reached: boolean;
};

/** The figures as a table, for a terminal. */
export function formatFigures(figures: readonly Figure[]): string {
  const head = ['figure', 'measured', 'peer', 'target', ''];
  const rows = figures.map((one) => [one.name, one.measured, one.peer, one.target, one.reached ? 'reached' : 'MISSED']);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] as string).length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `12,345` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
