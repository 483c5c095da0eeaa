// The one way into the journal: each record goes to its partition's writer, and callers hear of them in the order of their calls.
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import { partitionOf } from './partition.ts';
import { PartitionWriter, type Waiter } from './partition-writer.ts';
import type { Journal } from './storage/journal.ts';
import type { EntryTraces } from './traces/traces.ts';

type Waiting = { readonly waiter: Waiter; isStored: boolean };

export class JournalWriter {
  readonly #writers: readonly PartitionWriter[];
  /** In the order of the calls; only with several partitions, which finish in any order. */
  readonly #waiting: Waiting[] = [];

  constructor(
    journal: Pick<Journal, 'append'>,
    partitions: number,
    clock: Clock,
    log: Log,
    traces: EntryTraces | null = null,
  ) {
    this.#writers = Array.from(
      { length: partitions },
      (_, partition) => new PartitionWriter(journal, partition, clock, log, traces),
    );
  }

  /** True while callers should stop reading more; what they append all the same is still taken. */
  get saturated(): boolean {
    return this.#writers.some((writer) => writer.saturated);
  }

  /** True while the journal refuses appends (disk full, server away); they are tried again until they succeed. */
  get failing(): boolean {
    return this.#writers.some((writer) => writer.failing);
  }

  /** Bytes taken and not yet stored. */
  get waitingBytes(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.waitingBytes, 0);
  }

  /** Calls back once, when no longer saturated (at once if it is not). */
  onRelief(callback: () => void): void {
    const saturated = this.#writers.find((writer) => writer.saturated);
    if (saturated === undefined) callback();
    else saturated.onRelief(() => this.onRelief(callback));
  }

  /**
   * Takes encoded records of what `key` names (a DPU), the first `length` bytes of `records`, which may be written over
   * afterwards; `waiter` is told when they are durable, in the order of the calls.
   */
  append(key: string, records: Uint8Array, waiter: Waiter, length: number = records.length): void {
    const writer = this.#writers[partitionOf(key, this.#writers.length)] as PartitionWriter;
    if (this.#writers.length === 1) return writer.append(records, waiter, length);
    const waiting: Waiting = { waiter, isStored: false };
    this.#waiting.push(waiting);
    const stored = () => {
      waiting.isStored = true;
      this.#tell();
    };
    writer.append(records, { stored }, length);
  }

  /** Puts encoded records into every partition, as an entry of its own, recorded at `notBeforeMs` or later. */
  async appendToAll(bytes: Uint8Array, notBeforeMs: number): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.appendAlone(bytes, notBeforeMs)));
  }

  /** Resolves when everything appended before this call is stored, whatever is appended after it. */
  async flushed(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.flushed()));
  }

  /** Resolves when nothing waits to be stored any more. */
  async drained(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.drained()));
  }

  #tell(): void {
    let told = 0;
    while (this.#waiting[told]?.isStored === true) told += 1;
    for (const waiting of this.#waiting.splice(0, told)) waiting.waiter.stored();
  }
}
