// One row of the tree: a space, how full it is, and how far that can be relied upon.
import type { Building } from './building.ts';
import { make, write } from './element.ts';
import type { Shown } from './tree.ts';
import { fullnessOf, numberText, TRUST_WORDS, trustOf } from './words.ts';

const INDENT_PX = 18;

export class Row {
  readonly element: HTMLElement;
  readonly #id: string;
  readonly #name = make('span', { class: 'row-name' });
  readonly #count = make('span', { class: 'row-count' });
  readonly #capacity = make('span', { class: 'row-capacity' });
  readonly #fill = make('span', { class: 'bar-fill' });
  readonly #mark = make('span', { class: 'trust-mark', 'aria-hidden': 'true' });
  /** What the bar and the mark say, for those who do not see them. */
  readonly #heard = make('span', { class: 'unseen' });
  #told = '';

  constructor(id: string) {
    this.#id = id;
    this.element = make(
      'div',
      { class: 'row', role: 'treeitem', id: `space-${id}`, 'data-space': id },
      make('span', { class: 'twisty', 'aria-hidden': 'true' }),
      this.#name,
      this.#mark,
      make('span', { class: 'row-number' }, this.#count, this.#capacity, this.#heard),
      make('span', { class: 'bar', 'aria-hidden': 'true' }, this.#fill),
    );
  }

  /** `isOpen`: null for a space with nothing in it. */
  place({ level, place, siblings }: Shown, topPx: number, isOpen: boolean | null): void {
    const { element } = this;
    element.style.transform = `translateY(${topPx}px)`;
    element.style.paddingInlineStart = `${(level - 1) * INDENT_PX + 4}px`;
    element.setAttribute('aria-level', String(level));
    element.setAttribute('aria-posinset', String(place));
    element.setAttribute('aria-setsize', String(siblings));
    if (isOpen === null) element.removeAttribute('aria-expanded');
    else element.setAttribute('aria-expanded', String(isOpen));
  }

  mark(isSelected: boolean): void {
    this.element.setAttribute('aria-selected', String(isSelected));
  }

  /** Writes what is new of the name and the count. */
  write(building: Building): void {
    const space = building.spaces.get(this.#id);
    const count = building.counts.get(this.#id);
    const { capacity = null } = space ?? {};
    const trust = count === undefined ? 'fresh' : trustOf(count);
    const told = `${space?.name ?? ''} ${count?.count} ${capacity} ${trust}`;
    if (told === this.#told) return;
    this.#told = told;
    const occupancy = count?.occupancy ?? 0;
    const sum = count !== undefined && count.count < 0 ? ` (${numberText(count.count)})` : '';
    write(this.#name, building.nameOf(this.#id));
    write(this.#count, count === undefined ? '–' : numberText(occupancy));
    write(this.#capacity, `${sum}${capacity === null ? '' : ` / ${numberText(capacity)}`}`);
    this.#mark.dataset['trust'] = trust;
    this.#mark.title = TRUST_WORDS[trust];
    const share = capacity === null || capacity === 0 ? 0 : Math.min(1, occupancy / capacity);
    this.#fill.style.transform = `scaleX(${share})`;
    this.#fill.dataset['fullness'] = fullnessOf(occupancy, capacity);
    write(this.#heard, ` people, ${TRUST_WORDS[trust]}`);
  }
}
