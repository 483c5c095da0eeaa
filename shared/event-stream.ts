// Events of DPUs from first to last, however many there are: read in pages, and never more of them in memory than a page of each.
import { Readable } from 'node:stream';
import type { DpuId } from './ids.ts';
import type { HistoryReader, Span, StoredEvent } from './storage/history.ts';

type Reader = Pick<HistoryReader, 'events'>;

/** Events read together: of one DPU at most and at least, and of several in all, where that allows it. */
const PAGE_EVENTS = { most: 5_000, least: 10, ofAll: 100_000 };
/** Reads under way at once: one is worked out while the next is read, and others get their turn. */
const READS = 2;

/** Every event of the DPU in the span, in order. */
export async function* eventsOfDpu(history: Reader, dpuId: DpuId, span: Span): AsyncGenerator<StoredEvent> {
  for await (const events of eventsOfDpus(history, [dpuId], span)) yield* events;
}

/** Every event of the DPUs in the span, in the order of their timestamps, some at a time. */
export async function* eventsOfDpus(
  history: Reader,
  dpuIds: readonly DpuId[],
  span: Span,
): AsyncGenerator<readonly StoredEvent[]> {
  const { most, least, ofAll } = PAGE_EVENTS;
  const limit = Math.min(Math.max(Math.floor(ofAll / dpuIds.length), least), most);
  let runs = dpuIds.map((dpuId) => new Run(history, dpuId, span, limit));
  /** Everything before has been taken. */
  let untilMs = 0;
  while (runs.length > 0) {
    const short = Readable.from(runs.filter((run) => run.reachMs <= untilMs));
    await short.forEach(async (run: Run) => void (await run.read()), { concurrency: READS });
    untilMs = runs.reduce((least, run) => Math.min(least, run.reachMs), Number.POSITIVE_INFINITY);
    const events = runs.flatMap((run) => run.takeBefore(untilMs));
    yield events.sort((one, other) => one.timestampMs - other.timestampMs);
    runs = runs.filter((run) => !run.isOver);
  }
}

/** The events of one DPU, as far as they have been read and not been taken. */
class Run {
  readonly #readPage: (cursor: string | undefined) => ReturnType<Reader['events']>;
  #held: readonly StoredEvent[] = [];
  /** Undefined: nothing has been read; null: all. */
  #cursor: string | null | undefined;

  constructor(history: Reader, dpuId: DpuId, span: Span, limit: number) {
    const query = { dpuId, by: 'timestamp', span, order: 'asc', limit, total: 'left_out' } as const;
    this.#readPage = (cursor) => history.events(cursor === undefined ? query : { ...query, cursor });
  }

  get isOver(): boolean {
    return this.#cursor === null && this.#held.length === 0;
  }

  /** All before has been read. */
  get reachMs(): number {
    return this.#cursor === null ? Number.POSITIVE_INFINITY : (this.#held.at(-1)?.timestampMs ?? 0);
  }

  async read(): Promise<void> {
    const page = await this.#readPage(this.#cursor ?? undefined);
    this.#cursor = page.next;
    this.#held = this.#held.length === 0 ? page.results : this.#held.concat(page.results);
  }

  takeBefore(untilMs: number): readonly StoredEvent[] {
    const held = this.#held;
    const isAll = (held.at(-1)?.timestampMs ?? 0) < untilMs;
    const end = isAll ? held.length : held.findIndex(({ timestampMs }) => timestampMs >= untilMs);
    this.#held = held.slice(end);
    return held.slice(0, end);
  }
}
