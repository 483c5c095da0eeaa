// "Why this number?": the sum behind a count, what its events were, and the crossings themselves.
import type { Building } from './building.ts';
import { openDialog, wordsOf } from './dialog.ts';
import { make, replace } from './element.ts';
import { ask } from './service.ts';
import type { ExplainedEvent, Explanation } from './shapes.ts';
import { numberText, plain, plural, signedText } from './words.ts';
import { momentText } from './zone.ts';

const EVENTS_A_PAGE = 100;

/** Explains the count of the space at the moment that is shown. */
export async function openWhy(building: Building, spaceId: string): Promise<void> {
  const zone = building.zoneOf(spaceId);
  const atMs = building.shownMs;
  const dialog = openDialog(`Why ${building.nameOf(spaceId)} has this number`);
  replace(dialog.body, make('p', { class: 'soft' }, 'Adding up…'));
  const path = `/v1/spaces/${spaceId}/count/explain?at=${atMs}&page_size=${EVENTS_A_PAGE}`;
  try {
    const explanation = await ask<Explanation>('GET', path);
    replace(
      dialog.body,
      make('p', { class: 'when' }, momentText(Date.parse(explanation.at), zone)),
      sumOf(explanation, zone),
      make('p', { class: 'soft' }, wordsAbout(explanation)),
      make('h3', {}, 'Sensors that count'),
      placementsOf(explanation, zone),
      make('h3', {}, 'Crossings'),
      crossingsOf(explanation, path, zone, dialog.complain),
    );
  } catch (error) {
    replace(dialog.body);
    dialog.complain(wordsOf(error));
  }
}

function sumOf({ reset, deltas, count }: Explanation, zone: string): HTMLElement {
  const row = (name: string, value: string, kind = '') =>
    make('tr', { class: kind }, make('th', { scope: 'row' }, name), make('td', {}, value));
  const from = reset === null ? 'At the beginning' : `Counted ${momentText(Date.parse(reset.at), zone)}`;
  return make(
    'table',
    { class: 'sum' },
    make(
      'tbody',
      {},
      row(from, numberText(reset?.count ?? 0)),
      row('Crossings told on time', signedText(deltas.on_time)),
      row('Crossings told late', signedText(deltas.late)),
      row('Moved by what was entered later', signedText(deltas.recounted)),
      row('Adjusted by hand', signedText(deltas.adjusted)),
      row('Count', numberText(count), 'total'),
    ),
  );
}

function wordsAbout({ events }: Explanation): string {
  const kinds = ['duplicates', 'voided', 'unplaced', 'quarantined'].filter((kind) => (events[kind] ?? 0) > 0);
  const others = kinds.map((kind) => `${numberText(events[kind] ?? 0)} ${kind}`);
  return [`From ${plural(events['total'] ?? 0, 'event')}`, ...others].join(', ');
}

function placementsOf({ placements }: Explanation, zone: string): HTMLElement {
  const time = (text: string | null, word: string) => (text === null ? word : momentText(Date.parse(text), zone));
  const items = placements.map(({ dpu_id, from, until }) => {
    const always = from === null && until === null;
    const when = always ? '' : ` – from ${time(from, 'ever')} until ${time(until, 'now')}`;
    return make('li', {}, dpu_id, when);
  });
  return make('ul', { class: 'names' }, ...items);
}

function crossingsOf(first: Explanation, path: string, zone: string, complain: (message: string) => void): HTMLElement {
  const rowOf = ({ timestamp, dpu_id, delta, kind, recounted, status }: ExplainedEvent) => {
    const notes = [
      kind === 'late' ? 'late' : '',
      recounted === 0 ? '' : 'recounted',
      status === 'counted' ? '' : status,
    ];
    const cells = [
      momentText(Date.parse(timestamp), zone),
      dpu_id,
      signedText(delta),
      notes.filter(Boolean).join(', '),
    ];
    return make('tr', {}, ...cells.map((cell) => make('td', {}, plain(cell).replace(/^DPU/, 'dpu'))));
  };
  const body = make('tbody', {}, ...first.results.map(rowOf));
  const head = make(
    'tr',
    {},
    ...['When', 'Sensor', 'Change', 'Notes'].map((text) => make('th', { scope: 'col' }, text)),
  );
  let { next } = first;
  const more = make('button', { type: 'button', class: 'quiet', onclick: () => void load() }, 'More');
  more.hidden = next === null;
  const load = async () => {
    try {
      const page = await ask<Explanation>('GET', `${path}&cursor=${encodeURIComponent(next ?? '')}`);
      body.append(...page.results.map(rowOf));
      next = page.next;
      more.hidden = next === null;
    } catch (error) {
      complain(wordsOf(error));
    }
  };
  const table = make('table', {}, make('thead', {}, head), body);
  const scroll = { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Crossings' };
  return make('div', {}, make('div', scroll, table), more);
}
