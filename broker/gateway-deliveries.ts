// What another broker delivers to the gateway: each PUBLISH is stored, then acknowledged, in order, in one write a turn.
//
//   PUBLISH ──▶ dpu/<id>/events ──▶ ingest ──────────────────────────┐
//                 ├─ any other topic ─▶ quarantine as malformed ─────┤
//                 └─ too long: body skipped ─▶ quarantine, too_large ┴─▶ durable ─▶ PUBACK, PUBREC, nothing (QoS 0)
// Nothing that a broker passes on ends the connection, as far as it can be told where its packet ends: it would come again.
import type { Bringer, Ingest } from '../shared/ingest.ts';
import type { Sender } from '../shared/sender.ts';
import { answerTo, answerToRelease, encodeAnswers, NO_ANSWER } from './answers.ts';
import { FrameError, type Header } from './frames.ts';
import type { Skipper } from './intake.ts';
import { readNumber, readPacketId } from './packet-rules.ts';
import { dpuOfEventsTopic } from './topics.ts';

/** Topics that are remembered, some 100 bytes each: twice the largest fleet. */
const TOPICS_MAX = 200_000;
const NOTHING = Buffer.alloc(0);

export type DeliveriesOwner = {
  /** MQTT 5 puts properties before a payload. */
  readonly hasProperties: boolean;
  send(bytes: string): void;
  /** What was delivered up to here and is stored has been acknowledged, `count` messages more than before. */
  acknowledged(count: number): void;
};

/** A PUBLISH as far as it comes before its payload. */
type Head = {
  readonly topicAt: number;
  readonly topicEnd: number;
  readonly payloadAt: number;
  readonly answer: number;
};

type Skipped = { readonly topic: string; readonly answer: number; readonly bytes: number; left: number };

export class Deliveries implements Bringer, Skipper {
  readonly #ingest: Ingest;
  readonly #owner: DeliveriesOwner;
  /** By their topics' bytes; of this connection, because after each connect a backlog of every DPU may follow. */
  readonly #senders = new Map<string, Sender>();
  /** What is to be answered once it is stored, in order. */
  readonly #waiting: number[] = [];
  /** What is stored and leaves at the end of this turn. */
  #answers: number[] = [];
  #stored = 0;
  #skipped: Skipped | null = null;

  constructor(ingest: Ingest, owner: DeliveriesOwner) {
    this.#ingest = ingest;
    this.#owner = owner;
  }

  /** Delivered and not yet stored. */
  get unanswered(): number {
    return this.#waiting.length;
  }

  /** Takes a whole PUBLISH. */
  publish(bytes: Buffer, header: Header): void {
    const { topicAt, topicEnd, payloadAt, answer } = this.#readHead(bytes, header);
    this.#waiting.push(answer);
    const topic = bytes.toString('latin1', topicAt, topicEnd);
    const sender = this.#senders.get(topic) ?? this.#meet(topic);
    if (sender !== null) return this.#ingest.take(sender, bytes, payloadAt, header.end, this);
    const what = { topic: bytes.toString('utf8', topicAt, topicEnd), payload: bytes.subarray(payloadAt, header.end) };
    this.#ingest.quarantine({ ...what, reason: 'malformed', detail: 'topic: not dpu/<id>/events' }, this.#told);
  }

  /** Every PUBREL is answered: what is stored already need not be known by its packet identifier. */
  release(bytes: Buffer, { bodyAt, end }: Header): void {
    this.#answer(answerToRelease(readPacketId(bytes, bodyAt, end)));
  }

  get isSkipping(): boolean {
    return this.#skipped !== null;
  }

  /** It is kept as topic and size, and acknowledged: it would be delivered again for ever. */
  beginSkipping(bytes: Buffer, header: Header): number {
    const { bodyAt, end } = header;
    if (bodyAt + 2 > bytes.length) return 0;
    const topicEnd = bodyAt + 2 + readNumber(bytes, bodyAt, end);
    const restAt = topicEnd + (qosOf(header) > 0 ? 2 : 0);
    if (restAt > end) throw new FrameError('a topic that is longer than its packet');
    if (restAt > bytes.length) return 0;
    const answer = qosOf(header) > 0 ? answerTo(qosOf(header), readPacketId(bytes, topicEnd, end)) : NO_ANSWER;
    this.#skipped = {
      topic: bytes.toString('utf8', bodyAt + 2, topicEnd),
      answer,
      bytes: end - bodyAt,
      left: end - restAt,
    };
    return restAt;
  }

  skip(bytes: Buffer): number {
    const skipped = this.#skipped as Skipped;
    const passed = Math.min(skipped.left, bytes.length);
    skipped.left -= passed;
    if (skipped.left > 0) return passed;
    this.#skipped = null;
    this.#waiting.push(skipped.answer);
    const detail = `PUBLISH of ${skipped.bytes} bytes; its body was not kept`;
    this.#ingest.quarantine({ topic: skipped.topic, payload: NOTHING, reason: 'too_large', detail }, this.#told);
    return passed;
  }

  /** What waited longest is durable: acknowledgements leave in the order of the publishes [MQTT-4.6.0-2]. */
  stored(): void {
    this.#stored += 1;
    this.#answer(this.#waiting.shift() as number);
  }

  readonly #told = (): void => this.stored();

  #answer(answer: number): void {
    // A microtask later all that became durable together has been told.
    if (this.#answers.push(answer) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const answers = this.#answers.filter((answer) => answer !== NO_ANSWER);
    const stored = this.#stored;
    this.#answers = [];
    this.#stored = 0;
    if (answers.length > 0) this.#owner.send(encodeAnswers(answers));
    this.#owner.acknowledged(stored);
  }

  /** The DPU of a topic that this connection has not seen yet; null: it is not that of a DPU's events. */
  #meet(topic: string): Sender | null {
    const dpuId = dpuOfEventsTopic(topic);
    if (dpuId === null) return null;
    if (this.#senders.size === TOPICS_MAX) this.#senders.clear();
    const sender = this.#ingest.senderOf(dpuId);
    this.#senders.set(topic, sender);
    // More of what it sent while nobody listened may follow.
    this.#ingest.connected(dpuId);
    return sender;
  }

  #readHead(bytes: Buffer, header: Header): Head {
    const { bodyAt, end } = header;
    const topicAt = bodyAt + 2;
    const topicEnd = topicAt + readNumber(bytes, bodyAt, end);
    const qos = qosOf(header);
    const answer = qos > 0 ? answerTo(qos, readPacketId(bytes, topicEnd, end)) : NO_ANSWER;
    const propertiesAt = topicEnd + (qos > 0 ? 2 : 0);
    const payloadAt = this.#owner.hasProperties ? endOfProperties(bytes, propertiesAt, end) : propertiesAt;
    if (payloadAt > end) throw new FrameError('a topic or properties that are longer than their packet');
    return { topicAt, topicEnd, payloadAt, answer };
  }
}

function qosOf({ flags }: Header): number {
  return (flags >> 1) & 3;
}

/** Their length is a variable byte integer (MQTT 5, 1.5.5); there is nothing in them that matters here. */
function endOfProperties(bytes: Buffer, at: number, end: number): number {
  let length = 0;
  for (let shift = 0, next = at; next < end && shift <= 21; shift += 7, next++) {
    const byte = bytes[next] as number;
    length += (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return next + 1 + length;
  }
  throw new FrameError('no length of properties');
}
