// What the page knows: the spaces as a tree, their counts, and the moment that is shown. Changes are told once a frame.
import { ask, everyPage } from './service.ts';
import type { Count, Page, Space } from './shapes.ts';

type Listener = (changed: ReadonlySet<string>) => void;

export class Building {
  readonly spaces = new Map<string, Space>();
  readonly counts = new Map<string, Count>();
  roots: readonly string[] = [];
  /** The newest moment that the service has spoken of. The page has no clock of its own. */
  nowMs = 0;
  /** The moment that is shown; null: now. */
  momentMs: number | null = null;
  readonly #children = new Map<string, string[]>();
  readonly #changed = new Set<string>();
  readonly #onCounts: Listener[] = [];
  readonly #onPlan: (() => void)[] = [];
  readonly #onMoment: (() => void)[] = [];
  #isTravelling = false;

  /** Called once a frame with the spaces whose count changed. */
  onCounts(listener: Listener): void {
    this.#onCounts.push(listener);
  }

  onPlan(listener: () => void): void {
    this.#onPlan.push(listener);
  }

  onMoment(listener: () => void): void {
    this.#onMoment.push(listener);
  }

  childrenOf(id: string): readonly string[] {
    return this.#children.get(id) ?? [];
  }

  nameOf(id: string | null): string {
    return id === null ? 'outside' : (this.spaces.get(id)?.name ?? id);
  }

  /** Of the space, or of the whole building. */
  zoneOf(id: string | null): string {
    return this.spaces.get(id ?? this.roots[0] ?? '')?.time_zone ?? 'UTC';
  }

  /** From the topmost space down to `id`. */
  pathOf(id: string): string[] {
    const path: string[] = [];
    for (let at: string | null = id; at !== null && !path.includes(at); at = this.spaces.get(at)?.parent_id ?? null) {
      path.unshift(at);
    }
    return path;
  }

  /** The moment shown, as a number. */
  get shownMs(): number {
    return this.momentMs ?? this.nowMs;
  }

  async loadPlan(): Promise<void> {
    const spaces = await everyPage<Space>('/v1/spaces');
    const isSame = (space: Space) => JSON.stringify(this.spaces.get(space.id)) === JSON.stringify(space);
    if (spaces.length === this.spaces.size && spaces.every(isSame)) return;
    this.spaces.clear();
    this.#children.clear();
    for (const space of spaces) this.spaces.set(space.id, space);
    for (const { id, parent_id } of spaces) {
      if (parent_id !== null) this.#children.set(parent_id, [...this.childrenOf(parent_id), id]);
    }
    this.roots = spaces.filter(({ parent_id }) => parent_id === null).map(({ id }) => id);
    for (const listener of this.#onPlan) listener();
  }

  /** Counts of now; not shown while another moment is. */
  applyLive(counts: readonly Count[]): void {
    for (const { at } of counts) this.nowMs = Math.max(this.nowMs, Date.parse(at));
    if (this.spaces.size > 0 && counts.some(({ space_id }) => !this.spaces.has(space_id))) void this.loadPlan();
    if (this.momentMs === null) this.#apply(counts);
  }

  /** Shows the counts of a moment, or (null) those of now again. Of several calls only the newest matters. */
  async travelTo(momentMs: number | null): Promise<void> {
    this.momentMs = momentMs;
    for (const listener of this.#onMoment) listener();
    if (this.#isTravelling) return;
    this.#isTravelling = true;
    try {
      for (let asked: number | null | undefined; asked !== this.momentMs; ) {
        asked = this.momentMs;
        const at = asked === null ? '' : `?at=${asked}`;
        const counts = await everyPage<Count>(`/v1/spaces/counts${at}`);
        if (asked === this.momentMs) this.#apply(counts);
      }
    } finally {
      this.#isTravelling = false;
    }
  }

  #apply(counts: readonly Count[]): void {
    if (counts.length > 0 && this.#changed.size === 0) requestAnimationFrame(() => this.#tell());
    for (const count of counts) {
      // What the stream does not tell stays as it was last known.
      const isWhole = count.watermark !== undefined;
      this.counts.set(count.space_id, isWhole ? count : { ...this.counts.get(count.space_id), ...count });
      this.#changed.add(count.space_id);
    }
  }

  #tell(): void {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    for (const listener of this.#onCounts) listener(changed);
  }
}

/** When the first event happened; null when there is none. */
export async function firstEventMs(untilMs: number): Promise<number | null> {
  const span = `start_time=2000-01-01T00:00:00Z&end_time=${untilMs}`;
  const page = await ask<Page<{ timestamp: string }>>('GET', `/v1/events?${span}&page_size=1`);
  const first = page.results[0];
  return first === undefined ? null : Date.parse(first.timestamp);
}
