// What a batch puts into quarantine and takes out of it, as arguments of the live group's commit.
import type { Redis } from 'ioredis';
import type { QuarantineReason } from '../../event.ts';
import type { Batch } from '../history.ts';
import { keys } from './keys.ts';

type Indexed = { readonly reason: QuarantineReason; readonly dpuId: string | null };

/** As it stands in Redis. */
export type StoredItem = Indexed & {
  readonly id: string;
  readonly topic: string | null;
  readonly receivedAtMs: number;
  readonly recordedAtMs: number;
  readonly payloadBase64: string;
  readonly detail: string;
};

export class QuarantineArguments {
  /** Keys of the indexes that are touched, which follow `keysBefore` others. */
  readonly indexes: string[] = [];
  readonly args: (string | number)[] = [];
  readonly #partition: number;
  readonly #keysBefore: number;

  private constructor(partition: number, keysBefore: number) {
    this.#partition = partition;
    this.#keysBefore = keysBefore;
  }

  static async of(
    redis: Redis,
    partition: number,
    keysBefore: number,
    { quarantined, replayed }: Pick<Batch, 'quarantined' | 'replayed'>,
  ): Promise<QuarantineArguments> {
    const made = new QuarantineArguments(partition, keysBefore);
    made.args.push(quarantined.length);
    for (const { id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payload, detail } of quarantined) {
      const payloadBase64 = Buffer.from(payload).toString('base64');
      const item: StoredItem = { id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payloadBase64, detail };
      made.args.push(id, recordedAtMs, JSON.stringify(item), ...made.#indexesOf(item));
    }
    const texts = replayed.length === 0 ? [] : await redis.hmget(keys.quarantineItems(partition), ...replayed);
    const items = texts.filter((text) => text !== null).map((text) => JSON.parse(text) as StoredItem);
    made.args.push(items.length);
    for (const item of items) made.args.push(item.id, ...made.#indexesOf(item));
    return made;
  }

  #indexesOf({ reason, dpuId }: Indexed): [number, number] {
    const ofReason = this.#indexOf(keys.quarantineOfReason(this.#partition, reason));
    return [ofReason, dpuId === null ? 0 : this.#indexOf(keys.quarantineOfDpu(this.#partition, dpuId))];
  }

  #indexOf(key: string): number {
    if (!this.indexes.includes(key)) this.indexes.push(key);
    return this.#keysBefore + this.indexes.indexOf(key) + 1;
  }
}
