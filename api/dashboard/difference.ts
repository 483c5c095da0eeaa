// Before and after: what a dry run says of one space, day by day, as a drawing and as numbers.
import type { Building } from './building.ts';
import { draw, make } from './element.ts';
import { tableOf } from './list-view.ts';
import type { Difference } from './shapes.ts';
import { numberText, signedText } from './words.ts';

/** The newest days are drawn; the table has them all. */
const DAYS_DRAWN_MAX = 42;
const [WIDTH, HEIGHT, GAP] = [560, 72, 2];

export function differenceOf({ space_id, days }: Difference, building: Building): HTMLElement {
  const drawn = days.slice(-DAYS_DRAWN_MAX);
  const largest = days.reduce((most, { largest_difference: one }) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  const rows = days.map((day) => [
    day.date,
    numberText(day.count_before),
    numberText(day.count_after),
    signedText(day.largest_difference),
  ]);
  const table = tableOf(`Days of ${building.nameOf(space_id)}`, ['Day', 'Before', 'After', 'Largest difference'], rows);
  return make(
    'section',
    { class: 'difference' },
    make(
      'div',
      { class: 'card-head' },
      make('h3', {}, building.nameOf(space_id)),
      make('span', {}, `at most ${signedText(largest)}`),
    ),
    drawingOf(
      drawn,
      `${building.nameOf(space_id)}: the count at the end of each day before and after, at most ${largest}`,
    ),
    make('p', { class: 'legend' }, key('before'), 'before', key('after'), 'after, at the end of each day'),
    make('details', {}, make('summary', {}, 'As a table'), table),
  );
}

function key(kind: 'before' | 'after'): HTMLElement {
  return make('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' });
}

function drawingOf(days: Difference['days'], label: string): SVGElement {
  const values = days.flatMap(({ count_before, count_after }) => [count_before, count_after]);
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const scale = HEIGHT / Math.max(1, most - least);
  const zero = most * scale;
  const slot = WIDTH / days.length;
  const width = Math.max(1, Math.min(22, slot / 2 - GAP));
  const bar = (kind: 'before' | 'after', value: number, x: number) => {
    const height = Math.max(1, Math.abs(value) * scale);
    return draw('rect', { class: kind, x, y: value >= 0 ? zero - height : zero, width, height, rx: 1.5 });
  };
  const bars = days.flatMap(({ count_before, count_after }, index) => {
    const x = (index + 0.5) * slot;
    return [bar('before', count_before, x - width - GAP / 2), bar('after', count_after, x + GAP / 2)];
  });
  const ground = draw('line', { x1: 0, x2: WIDTH, y1: zero, y2: zero });
  return draw(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 2}`, role: 'img', 'aria-label': label, class: 'bars' },
    ground,
    ...bars,
  );
}
