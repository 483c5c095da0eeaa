// Messages of the live stream, and their ids: a place in the change feed and a number after it, so that they always increase.
import type { SpaceId } from '../../shared/ids.ts';
import type { CountChange } from '../../shared/storage/changes.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { type ChangeSources, changeShape } from '../changes.ts';
import type { Counted } from '../count.ts';

/** The `number`-th message after the change that `place` comes after; 0 is that change itself. */
export type MessageId = { readonly place: string; readonly number: number };

/** A message but for its id, made once for all readers. */
export type Body = {
  /** Null: it is for everybody. */
  readonly spaceId: SpaceId | null;
  /** JSON of all fields after `id`. */
  readonly fields: string;
  /** Null: it is not of one change. */
  readonly change: Pick<CountChange, 'partition' | 'number'> | null;
};
export type Message = Body & { readonly id: MessageId };

/** What is sent of a message. */
export type Sent = Pick<Message, 'id' | 'fields'>;

/** Messages that go out together. `made`: what a kind of stream makes of them, kept for the other readers that get just these. */
export type Batch = { readonly messages: readonly Sent[]; readonly made: Map<string, unknown> };

/** Messages as the feed has made them. */
export type FeedBatch = Batch & { readonly messages: readonly Message[] };

/** What `make` makes of the batch, once for all readers. */
export function madeOf<Value>(batch: Batch, kind: string, make: (messages: readonly Sent[]) => Value): Value {
  const known = batch.made.get(kind);
  if (known !== undefined) return known as Value;
  const value = make(batch.messages);
  batch.made.set(kind, value);
  return value;
}

const NUMBER_DIGITS = 6;

/** `4097` and 3 become `4097.000003`: it stands behind the number that the place begins with. */
export function formatId({ place, number }: MessageId): string {
  return place.replace(/^\d*/, (digits) => `${digits}.${String(number).padStart(NUMBER_DIGITS, '0')}`);
}

/** Null: it is no id of a message. */
export function parseId(text: string): MessageId | null {
  const match = /^(\d+)\.(\d{6})(-[\d.]+)?$/.exec(text);
  return match === null ? null : { place: `${match[1]}${match[3] ?? ''}`, number: Number(match[2]) };
}

/** The message as JSON. */
export function textOf({ id, fields }: Sent): string {
  return `{"id":"${formatId(id)}",${fields}`;
}

export function changeMessage(sources: ChangeSources, change: CountChange): Message {
  const fields = fieldsOf({ type: 'change', ...changeShape(sources, change) });
  return { id: { place: change.cursor, number: 0 }, spaceId: change.spaceId, fields, change };
}

/** The count of now of a space, as streams and webhooks tell it. */
export function countShape(counted: Counted, status: 'settled' | 'provisional') {
  const { spaceId, atMs, count, revision } = counted;
  const occupancy = Math.max(0, count);
  return { space_id: spaceId, at: formatTimestamp(atMs), count, occupancy, status, revision };
}

export function countBody(counted: Counted, status: 'settled' | 'provisional'): Body {
  const fields = fieldsOf({ type: 'count', ...countShape(counted, status) });
  return { spaceId: counted.spaceId, fields, change: null };
}

/** What came before is no longer kept: the reader has to read anew what it holds. */
export const RESYNC: Body = { spaceId: null, fields: fieldsOf({ type: 'resync' }), change: null };

function fieldsOf(fields: object): string {
  return JSON.stringify(fields).slice(1);
}
