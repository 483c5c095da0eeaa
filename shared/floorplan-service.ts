// The floor plan as a service sees and changes it: decide on what holds, append, announce in the journal, then show it.
import type { Change, Fact } from './fact.ts';
import { Floorplan } from './floorplan.ts';
import { encodeRecords } from './journal-entry.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { ProcessorControl } from './processor-control.ts';
import { FLOORPLAN_CONFLICT, type FloorplanStore } from './storage/floorplan.ts';

/** How long a change waits to be in every count before it is answered all the same. */
const APPLIED_TIMEOUT_MS = 5_000;

export class FloorplanService {
  /** Shows a fact only once it stands in the journal, so an event accepted by it is mapped by it. */
  readonly plan = new Floorplan();
  /** All that made `plan`, in order. */
  readonly facts: Fact[] = [];
  readonly #store: Omit<FloorplanStore, 'close'>;
  readonly #writer: JournalWriter;
  readonly #processor: Pick<ProcessorControl, 'applied'>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    store: Omit<FloorplanStore, 'close'>,
    writer: JournalWriter,
    processor: Pick<ProcessorControl, 'applied'>,
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#processor = processor;
  }

  /** Reads all facts, announces those that a crash kept from it, and follows what others record. Call once before use. */
  async load(): Promise<void> {
    await this.#serially(() => this.#announce());
    // What fails is tried again with the next call.
    await this.#store.follow(() => void this.#serially(() => this.#follow()).catch(() => undefined));
  }

  /**
   * Records what `decide` makes of the plan, one caller at a time, and resolves once it is in every count (or after 5 s).
   * `decide` may run again when somebody else was faster; what it throws is thrown, and nothing is recorded.
   */
  async record(decide: (plan: Floorplan) => readonly Change[], by: string | null): Promise<readonly Fact[]> {
    const facts = await this.#serially(() => this.#append(decide, by));
    const newest = facts.at(-1);
    if (newest !== undefined) await this.#processor.applied(newest.number, APPLIED_TIMEOUT_MS);
    return facts;
  }

  async #append(decide: (plan: Floorplan) => readonly Change[], by: string | null): Promise<readonly Fact[]> {
    for (;;) {
      const changes = decide(this.plan);
      if (changes.length === 0) return [];
      try {
        const facts = await this.#store.append(changes, this.plan.factNumber, by);
        await this.#announce();
        return facts;
      } catch (error) {
        if (!(error instanceof Error) || error.message !== FLOORPLAN_CONFLICT) throw error;
        await this.#announce();
      }
    }
  }

  /** Puts every fact that is not there yet into the journal, then shows it. */
  async #announce(): Promise<void> {
    let announced = await this.#store.announced();
    for (;;) {
      const facts = await this.#store.read(this.plan.factNumber);
      const newest = facts.at(-1);
      if (newest === undefined) return;
      if (newest.number > announced) {
        await this.#writer.appendToAll(encodeRecords([{ kind: 'facts', upTo: newest.number }]), newest.recordedAtMs);
        await this.#store.markAnnounced(newest.number);
        announced = newest.number;
      }
      this.#show(facts);
    }
  }

  /** Shows what others have announced. */
  async #follow(): Promise<void> {
    const announced = await this.#store.announced();
    while (this.plan.factNumber < announced) {
      const facts = await this.#store.read(this.plan.factNumber);
      this.#show(facts.filter((fact) => fact.number <= announced));
    }
  }

  #show(facts: readonly Fact[]): void {
    for (const fact of facts) {
      this.plan.apply(fact);
      this.facts.push(fact);
    }
  }

  #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
