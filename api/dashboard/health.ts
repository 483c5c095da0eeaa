// Health: what the numbers give away about sensors, each finding with its evidence and what to do about it.
import type { Building } from './building.ts';
import { make } from './element.ts';
import { listView, nothing } from './list-view.ts';
import { ask } from './service.ts';
import { numberText, plain, plural } from './words.ts';
import { momentText } from './zone.ts';

type Finding = {
  readonly kind: string;
  readonly space_ids: readonly string[];
  readonly dpu_ids: readonly string[];
  readonly evidence: Readonly<Record<string, number | string>>;
  readonly action: string;
};
type Health = {
  readonly from: string;
  readonly until: string;
  readonly events: number;
  readonly results: readonly Finding[];
};

export function healthView(element: HTMLElement, building: Building): () => void {
  const view = listView(
    element,
    'Health',
    'What the numbers give away: sensors the wrong way round, silent, or off in time.',
  );
  void view.load(async () => {
    const { from, events, results } = await ask<Health>('GET', '/v1/health/spaces');
    const since = momentText(Date.parse(from), building.zoneOf(null));
    const words = make('p', { class: 'soft' }, `Found in ${plural(events, 'event')} since ${since}.`);
    if (results.length === 0) return [words, nothing('Nothing is wrong.')];
    return [words, make('ul', { class: 'cards' }, ...results.map((finding) => cardOf(finding, building)))];
  });
  return () => undefined;
}

function cardOf({ kind, space_ids, dpu_ids, evidence, action }: Finding, building: Building): HTMLElement {
  const links = space_ids.map((id) => make('a', { href: `#space/${id}` }, building.nameOf(id)));
  const facts = Object.entries(evidence).map(([name, value]) =>
    make(
      'div',
      {},
      make('dt', {}, plain(name)),
      make('dd', {}, typeof value === 'number' ? numberText(value) : momentOf(value, building)),
    ),
  );
  return make(
    'li',
    { class: 'card' },
    make(
      'div',
      { class: 'card-head' },
      make('h3', {}, sentence(plain(kind))),
      make('span', { class: 'names' }, dpu_ids.join(', ')),
    ),
    make('p', {}, action),
    make('dl', { class: 'facts small' }, ...facts),
    links.length > 0 && make('p', { class: 'links' }, ...links),
  );
}

function momentOf(text: string, building: Building): string {
  return Number.isNaN(Date.parse(text)) ? text : momentText(Date.parse(text), building.zoneOf(null));
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
