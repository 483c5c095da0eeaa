// The chart of a space over a day, a week or a year: the count with the band of its least and most, entrances and exits.
import uPlot, { type AlignedData, type Options, type Series } from '/page/uplot.js';
import { make } from './element.ts';
import type { Bucket } from './shapes.ts';
import { numberText, plural } from './words.ts';
import { tickText } from './zone.ts';

export type ChartOptions = {
  readonly zone: string;
  readonly capacity: number | null;
  /** Called with the moment that is clicked. */
  onPick(atMs: number): void;
  /** Called with the bucket below the pointer, null when there is none. */
  onPoint(bucket: Bucket | null): void;
};

const COUNT_HEIGHT_PX = 220;
const FLOW_HEIGHT_PX = 110;
const SYNC_KEY = 'space';

export class Chart {
  readonly element = make('div', { class: 'chart', role: 'img', 'aria-label': 'Chart', tabindex: '-1' });
  readonly #plots: uPlot[] = [];

  constructor() {
    new ResizeObserver(() => {
      for (const plot of this.#plots) plot.setSize({ width: this.element.clientWidth, height: plot.height });
    }).observe(this.element);
  }

  draw(buckets: readonly Bucket[], options: ChartOptions): void {
    for (const plot of this.#plots.splice(0)) plot.destroy();
    this.element.setAttribute('aria-label', summaryOf(buckets));
    const data = dataOf(buckets);
    const colour = coloursOf(this.element);
    const width = this.element.clientWidth;
    const common = commonOptions(buckets, options, colour);
    const flow = flowOptions({ ...common, width, height: FLOW_HEIGHT_PX }, colour);
    const count = countOptions({ ...common, width, height: COUNT_HEIGHT_PX }, colour);
    const [x, least, most, counts, entrances, exits] = data;
    this.#plots.push(new uPlot(count, [x, most, least, counts] as AlignedData, this.element));
    this.#plots.push(new uPlot(flow, [x, entrances, exits] as AlignedData, this.element));
  }
}

function dataOf(buckets: readonly Bucket[]): number[][] {
  const of = (value: (bucket: Bucket) => number) => buckets.map(value);
  return [
    of(({ timestamp }) => Date.parse(timestamp) / 1000),
    of(({ interval }) => interval.analytics.min),
    of(({ interval }) => interval.analytics.max),
    of(({ count }) => count),
    of(({ interval }) => interval.analytics.entrances),
    of(({ interval }) => -interval.analytics.exits),
  ];
}

/** What the picture shows, for those who do not see it. */
export function summaryOf(buckets: readonly Bucket[]): string {
  if (buckets.length === 0) return 'No counts in this time';
  const sum = (value: (bucket: Bucket) => number) => buckets.reduce((total, bucket) => total + value(bucket), 0);
  const most = Math.max(...buckets.map(({ interval }) => interval.analytics.max));
  const entrances = sum(({ interval }) => interval.analytics.entrances);
  const exits = sum(({ interval }) => interval.analytics.exits);
  return `At most ${numberText(most)} at a time, ${plural(entrances, 'entrance')}, ${plural(exits, 'exit')}`;
}

type Colours = Readonly<Record<'ink' | 'soft' | 'line' | 'accent' | 'band' | 'in' | 'out', string>>;

/** Colours as numbers, because a canvas does not know the variables of the style sheet. */
function coloursOf(element: HTMLElement): Colours {
  const probe = make('span');
  element.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ['ink', 'soft', 'line', 'accent', 'band', 'in', 'out'] as const;
  const colours = Object.fromEntries(names.map((name) => [name, read(name)])) as Colours;
  probe.remove();
  return colours;
}

type Common = Omit<Options, 'series'>;

function commonOptions(
  buckets: readonly Bucket[],
  { zone, onPick, onPoint }: ChartOptions,
  { soft, line }: Colours,
): Omit<Common, 'width' | 'height'> {
  const axis = { stroke: soft, font: '12px system-ui', grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: {
      sync: { key: SYNC_KEY },
      drag: { x: false, y: false },
      y: false,
      points: { show: false },
      bind: {
        click: (plot) => () => {
          const { idx } = plot.cursor;
          const picked = idx === null || idx === undefined ? undefined : buckets[idx];
          if (picked !== undefined) onPick(Date.parse(picked.interval.end) - 1);
          return null;
        },
      },
    },
    hooks: { setCursor: [({ cursor: { idx } }) => onPoint(buckets[idx ?? -1] ?? null)] },
    axes: [
      { ...axis, grid: { show: false }, space: 70, values: timeTexts(zone) },
      { ...axis, size: 52, splits: wholeSplits },
    ],
  };
}

/** The clock within a day, the day within a week, the month within a year. */
function timeTexts(
  zone: string,
): (plot: uPlot, seconds: number[], axis: number, space: number, stepS: number) => string[] {
  return (_, seconds, __, ___, stepS) => seconds.map((at) => tickText(at * 1000, stepS, zone));
}

/** People come in whole numbers. */
function wholeSplits(_: uPlot, __: number, min: number, max: number, step: number): number[] {
  const whole = Math.max(1, Math.ceil(step));
  const splits: number[] = [];
  for (let at = whole * Math.ceil(min / whole) || 0; at <= max; at += whole) splits.push(at + 0);
  return splits;
}

function countOptions(common: Common, { accent, band }: Colours): Options {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const path = stepped === undefined ? {} : { paths: stepped };
  const edge: Series = { stroke: 'transparent', width: 0, points: { show: false }, ...path };
  return {
    ...common,
    series: [{}, edge, edge, { stroke: accent, width: 2, points: { show: false }, ...path }],
    bands: [{ series: [1, 2], fill: band }],
    scales: { y: { range: (_, min, max) => [Math.min(0, min), Math.max(1, max * 1.08)] } },
  };
}

function flowOptions(common: Common, colour: Colours): Options {
  const bars = uPlot.paths.bars?.({ size: [0.7, 24] });
  const path = bars === undefined ? {} : { paths: bars };
  const axes = (common.axes ?? []).map((axis, index) =>
    index === 0 ? { ...axis, show: false } : { ...axis, values: (_: uPlot, splits: number[]) => splits.map(Math.abs) },
  );
  return {
    ...common,
    axes: axes as Options['axes'] & object,
    series: [
      {},
      { fill: colour.in, width: 0, points: { show: false }, ...path },
      { fill: colour.out, width: 0, points: { show: false }, ...path },
    ],
  };
}
