// Recounts: what was entered late and is being worked into the past, with its progress.
import type { Building } from './building.ts';
import { make } from './element.ts';
import { listView, nothing } from './list-view.ts';
import { ask } from './service.ts';
import type { Page, Recount } from './shapes.ts';
import { numberText, plural } from './words.ts';

const ASK_EVERY_MS = 1_000;
const ROWS = 50;
const NAMED_MAX = 6;

export function recountView(element: HTMLElement, building: Building): () => void {
  const view = listView(
    element,
    'Recounts',
    'What is entered late changes the past. Until that is done, the counts it touches are provisional.',
  );
  const load = () =>
    view.load(async () => {
      const { results } = await ask<Page<Recount>>('GET', `/v1/recounts?page_size=${ROWS}`);
      if (results.length === 0) return [nothing('Nothing has been counted again.')];
      return [make('ul', { class: 'cards' }, ...results.map((recount) => cardOf(recount, building)))];
    });
  void load();
  const timer = setInterval(() => {
    if (!document.hidden && view.body.querySelector('[data-status=running]') !== null) void load();
  }, ASK_EVERY_MS);
  return () => clearInterval(timer);
}

function cardOf({ id, status, events_done, events_total, spaces, cause }: Recount, building: Building): HTMLElement {
  const share = events_total === 0 ? (status === 'done' ? 1 : 0) : events_done / events_total;
  const names = spaces.slice(0, NAMED_MAX).map((space) => building.nameOf(space));
  const more = spaces.length > NAMED_MAX ? [`and ${plural(spaces.length - NAMED_MAX, 'other')}`] : [];
  const title = `${numberText(events_done)} of ${plural(events_total, 'event')}`;
  return make(
    'li',
    { class: 'card', 'data-status': status },
    make(
      'div',
      { class: 'card-head' },
      make('h3', {}, status === 'done' ? 'Done' : 'Counting again'),
      make('span', { class: 'names' }, id),
    ),
    make('progress', { max: '1', value: share, 'aria-label': `Progress: ${title}` }),
    make('p', {}, title),
    make('p', { class: 'soft' }, [...names, ...more].join(', ')),
    make('p', { class: 'soft' }, typeof cause === 'string' ? cause : JSON.stringify(cause ?? '')),
  );
}
