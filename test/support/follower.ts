// A consumer of the change feed that knows nothing else: starts empty, applies each entry once, and holds every count.
import type { Client } from './http.ts';

type Entry = { readonly fromMs: number; readonly untilMs: number; readonly change: number };
type Fed = { space_id: string; from: string; until: string | null; change: number };

/** Entries read together unless told: few, so that there are many pages. */
const PAGE_SIZE = 100;

export class Follower {
  readonly #client: Client;
  readonly #pageSize: number;
  readonly #entries = new Map<string, Entry[]>();
  #cursor: string | null = null;

  constructor(client: Client, pageSize = PAGE_SIZE) {
    this.#client = client;
    this.#pageSize = pageSize;
  }

  /** Goes on where it stopped, until there is nothing new. */
  async follow(): Promise<void> {
    for (;;) {
      const since = this.#cursor === null ? '' : `&since=${this.#cursor}`;
      const { next, results } = await this.#client.get(`/v1/changes?page_size=${this.#pageSize}${since}`);
      for (const { space_id, from, until, change } of results as Fed[]) {
        const untilMs = until === null ? Number.POSITIVE_INFINITY : Date.parse(until);
        const entries = this.#entries.get(space_id) ?? [];
        this.#entries.set(space_id, entries);
        entries.push({ fromMs: Date.parse(from), untilMs, change });
      }
      this.#cursor = next;
      if (results.length === 0) return;
    }
  }

  count(space: string, atMs: number): number {
    const holding = (this.#entries.get(space) ?? []).filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
    return holding.reduce((sum, { change }) => sum + change, 0);
  }

  /** Every moment at which a count of the space begins or ends to hold. */
  edges(space: string): number[] {
    const edges = (this.#entries.get(space) ?? []).flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]);
    return [...new Set(edges)].filter(Number.isFinite);
  }
}
