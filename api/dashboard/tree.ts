// The building as a tree (WAI-ARIA tree pattern). Only the rows in sight are elements, so thousands of spaces cost no more
// than a screenful, and a change of a count writes into one row.
import type { Building } from './building.ts';
import { replace } from './element.ts';
import { treeKey } from './tree-keys.ts';
import { Row } from './tree-row.ts';

/** As the style sheet has it. */
const ROW_PX = 48;
/** Rows above and below what is in sight. */
const SPARE_ROWS = 4;
/** Spaces that are open at the beginning: as many levels as stay below so many rows. */
const ROWS_OPEN_MAX = 80;

export type Shown = { readonly id: string; readonly level: number; readonly place: number; readonly siblings: number };

export class Tree {
  readonly #building: Building;
  readonly #element: HTMLElement;
  readonly #canvas: HTMLElement;
  readonly #onSelect: (id: string) => void;
  readonly #open = new Set<string>();
  readonly #rows = new Map<string, Row>();
  #shown: Shown[] = [];
  #selected: string | null = null;

  constructor(element: HTMLElement, building: Building, onSelect: (id: string) => void) {
    this.#building = building;
    this.#element = element;
    this.#onSelect = onSelect;
    this.#canvas = document.createElement('div');
    this.#canvas.className = 'tree-canvas';
    this.#canvas.setAttribute('role', 'presentation');
    replace(element, this.#canvas);
    element.addEventListener('scroll', () => this.#draw(), { passive: true });
    element.addEventListener('keydown', (event) => this.#key(event));
    element.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => this.#draw()).observe(element);
    building.onPlan(() => this.#begin());
    building.onCounts((changed) => {
      for (const id of changed) this.#rows.get(id)?.write(building);
    });
    if (building.spaces.size > 0) this.#begin();
  }

  /** Marks the space as the one that is looked at, and brings it into sight. */
  select(id: string): void {
    this.#selected = id;
    for (const above of this.#building.pathOf(id).slice(0, -1)) this.#open.add(above);
    this.#list();
    const index = this.#shown.findIndex((one) => one.id === id);
    if (index === -1) return;
    const { scrollTop, clientHeight } = this.#element;
    if (index * ROW_PX < scrollTop) this.#element.scrollTop = index * ROW_PX;
    else if ((index + 1) * ROW_PX > scrollTop + clientHeight) {
      this.#element.scrollTop = (index + 1) * ROW_PX - clientHeight;
    }
    this.#draw();
  }

  #begin(): void {
    if (this.#open.size === 0) {
      let level = [...this.#building.roots];
      for (let rows = level.length; level.length > 0 && rows <= ROWS_OPEN_MAX; rows += level.length) {
        for (const id of level) this.#open.add(id);
        level = level.flatMap((id) => this.#building.childrenOf(id));
      }
    }
    this.#list();
  }

  #list(): void {
    const shown: Shown[] = [];
    const add = (ids: readonly string[], level: number): void => {
      for (const [index, id] of ids.entries()) {
        shown.push({ id, level, place: index + 1, siblings: ids.length });
        if (this.#open.has(id)) add(this.#building.childrenOf(id), level + 1);
      }
    };
    add(this.#building.roots, 1);
    this.#shown = shown;
    this.#canvas.style.height = `${shown.length * ROW_PX}px`;
    this.#draw();
  }

  #draw(): void {
    const { scrollTop, clientHeight } = this.#element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE_ROWS);
    const inSight = this.#shown.slice(first, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE_ROWS);
    const ids = new Set(inSight.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const [index, shown] of inSight.entries()) {
      const row = this.#rows.get(shown.id) ?? new Row(shown.id);
      if (!this.#rows.has(shown.id)) this.#rows.set(shown.id, row);
      const hasChildren = this.#building.childrenOf(shown.id).length > 0;
      row.place(shown, (first + index) * ROW_PX, hasChildren ? this.#open.has(shown.id) : null);
      row.mark(shown.id === this.#selected);
      row.write(this.#building);
      // In the order of the tree also for those who hear it.
      if (this.#canvas.children[index] !== row.element) {
        this.#canvas.insertBefore(row.element, this.#canvas.children[index] ?? null);
      }
    }
    const active = this.#selected === null ? undefined : this.#rows.get(this.#selected);
    if (active === undefined) this.#element.removeAttribute('aria-activedescendant');
    else this.#element.setAttribute('aria-activedescendant', active.element.id);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = treeKey(event.key, this.#shown, this.#selected, {
      building: this.#building,
      isOpen: (id) => this.#open.has(id),
    });
    if (step === null) return;
    event.preventDefault();
    if ('toggle' in step) return this.#toggle(step.toggle);
    // At once, so that the next key goes on from there.
    this.select(step.select);
    this.#onSelect(step.select);
  }

  #click(event: Event): void {
    const target = event.target as Element;
    const id = target.closest<HTMLElement>('[role=treeitem]')?.dataset['space'];
    if (id === undefined) return;
    if (target.closest('.twisty') !== null && this.#building.childrenOf(id).length > 0) this.#toggle(id);
    else this.#onSelect(id);
  }

  #toggle(id: string): void {
    if (!this.#open.delete(id)) this.#open.add(id);
    this.#list();
  }
}
