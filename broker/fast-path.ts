// The fast path of one connection: its publishes are taken from the stream, stored, and answered in their order.
//
//   PUBLISH ──▶ rules ──▶ dpu/<id>/events ──▶ ingest ─────────────┐
//                 │         ├─ of a DPU that it does not speak for ─▶ connection closed, nothing acknowledged
//                 │         └─ any other topic ─▶ quarantine as malformed ──┤
//                 └─ too long: body skipped ─▶ quarantine as too_large ─────┴─▶ durable ─▶ PUBACK, PUBREC, nothing (QoS 0)
//
// Whoever stores tells in the order in which it was asked, so that a queue of what is to be answered is all the memory
// that a publish takes here. Answers of one turn leave in one write.
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import { FrameError, type Header, PACKET } from './frames.ts';
import { checkText, readNumber, readPacketId } from './packet-rules.ts';
import { dpuOfEventsTopic } from './topics.ts';

/** What a fast path needs of its connection. */
export type FastPathOwner = {
  mayPublish(dpuId: DpuId): boolean;
  /** Calls `flush` at the end of this turn. */
  flushSoon(path: FastPath): void;
  send(bytes: Buffer): void;
  /** A publish is answered, or needs no answer. */
  answered(): void;
};

/** First bytes of what is answered to QoS 1, QoS 2, and PUBREL; each is followed by length 2 and the packet identifier. */
const PUBACK = PACKET.puback << 4;
const PUBREC = PACKET.pubrec << 4;
const PUBCOMP = PACKET.pubcomp << 4;
const ANSWER_BYTES = 4;
/** Answers are kept as their first byte above the packet identifier; none is due for QoS 0. */
const NO_ANSWER = 0;
const PACKET_ID_BITS = 16;
const PACKET_IDS = 1 << PACKET_ID_BITS;
const NOTHING = Buffer.alloc(0);

/** A PUBLISH that is too long, while its body goes by. */
type Skipped = { readonly topic: string; readonly answer: number; readonly bytes: number; left: number };

export class FastPath {
  readonly #ingest: Ingest;
  readonly #owner: FastPathOwner;
  /** What is to be answered once it is stored, in order. */
  readonly #waiting: number[] = [];
  /** What is stored and leaves at the end of this turn. */
  #answers: number[] = [];
  /** Packet identifiers of QoS 2 between PUBLISH and PUBREL, a bit each. */
  #received: Uint8Array | null = null;
  #skipped: Skipped | null = null;
  /** The topic that was published to last, as bytes with their length, and its DPU. */
  #topic: Buffer = NOTHING;
  #dpuId: DpuId | null = null;

  constructor(ingest: Ingest, owner: FastPathOwner) {
    this.#ingest = ingest;
    this.#owner = owner;
  }

  /** Publishes taken and not yet stored. */
  get unanswered(): number {
    return this.#waiting.length;
  }

  /** Takes a whole PUBLISH. */
  publish(bytes: Buffer, { flags, bodyAt, end }: Header): void {
    let at = this.#readTopic(bytes, bodyAt, end);
    const qos = (flags >> 1) & 3;
    let answer = NO_ANSWER;
    if (qos > 0) {
      answer = answerTo(qos, readPacketId(bytes, at, end));
      at += 2;
    }
    if (qos === 2 && this.#isRepeated(answer % PACKET_IDS)) {
      this.#waiting.push(answer);
      this.#ingest.inTurn(this.#stored); // Not a second time [MQTT-4.3.3-2].
      return;
    }
    const dpuId = this.#dpuId;
    this.#waiting.push(answer);
    if (dpuId !== null) return this.#ingest.take(dpuId, bytes, at, end, this.#stored);
    const topic = this.#topic.toString('utf8', 2);
    this.#topic = NOTHING; // It may be long, and is no DPU's.
    const payload = bytes.subarray(at, end);
    this.#ingest.quarantine(
      { topic, payload, reason: 'malformed', detail: 'topic: not dpu/<id>/events' },
      this.#stored,
    );
  }

  /**
   * Begins to skip a PUBLISH that is too long; answers where its payload begins, and 0 while that has not come yet. It is
   * kept as topic and size, and acknowledged: its sender would send it again for ever.
   */
  beginSkipping(bytes: Buffer, { flags, bodyAt, end }: Header): number {
    if (bodyAt + 2 > bytes.length) return 0;
    const qos = (flags >> 1) & 3;
    const topicEnd = bodyAt + 2 + readNumber(bytes, bodyAt, end);
    const payloadAt = topicEnd + (qos > 0 ? 2 : 0);
    if (payloadAt > end) throw new FrameError('a topic that is longer than its packet');
    if (payloadAt > bytes.length) return 0;
    this.#readTopic(bytes, bodyAt, end);
    const answer = qos > 0 ? answerTo(qos, readPacketId(bytes, topicEnd, end)) : NO_ANSWER;
    const topic = this.#topic.toString('utf8', 2);
    this.#skipped = { topic, answer, bytes: end - bodyAt, left: end - payloadAt };
    return payloadAt;
  }

  get isSkipping(): boolean {
    return this.#skipped !== null;
  }

  /** Passes over what is left of a PUBLISH that is too long; answers where that ends in `bytes`. */
  skip(bytes: Buffer): number {
    const skipped = this.#skipped as Skipped;
    const passed = Math.min(skipped.left, bytes.length);
    skipped.left -= passed;
    if (skipped.left > 0) return passed;
    this.#skipped = null;
    this.#waiting.push(skipped.answer);
    const detail = `PUBLISH of ${skipped.bytes} bytes; its body was not kept`;
    const { topic } = skipped;
    this.#ingest.quarantine({ topic, payload: NOTHING, reason: 'too_large', detail }, this.#stored);
    return passed;
  }

  /** PUBREL is answered whether its packet identifier is known or not [MQTT-4.3.3-2]. */
  release(bytes: Buffer, { bodyAt, end }: Header): void {
    const id = readPacketId(bytes, bodyAt, end);
    if (this.#received !== null) (this.#received[id >> 3] as number) &= ~(1 << (id & 7));
    this.#answer(PUBCOMP * PACKET_IDS + id);
  }

  /** Writes what has become due. */
  flush(): void {
    const answers = this.#answers;
    this.#answers = [];
    const bytes = Buffer.allocUnsafe(answers.length * ANSWER_BYTES);
    for (let index = 0, at = 0; index < answers.length; index++) {
      const answer = answers[index] as number;
      bytes[at++] = answer >> PACKET_ID_BITS;
      bytes[at++] = 2;
      bytes[at++] = (answer >> 8) & 0xff;
      bytes[at++] = answer & 0xff;
    }
    this.#owner.send(bytes);
  }

  /** What waited longest is durable: acknowledgements leave in the order of the publishes [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  readonly #stored = (): void => {
    const answer = this.#waiting.shift() as number;
    if (answer !== NO_ANSWER) this.#answer(answer);
    this.#owner.answered();
  };

  #answer(answer: number): void {
    if (this.#answers.push(answer) === 1) this.#owner.flushSoon(this);
  }

  /** Sets the topic and its DPU to those at `at`; answers where the topic ends. */
  #readTopic(bytes: Buffer, at: number, end: number): number {
    const known = this.#topic;
    const topicEnd = at + 2 + readNumber(bytes, at, end);
    if (topicEnd - at === known.length && topicEnd <= end && isSame(known, bytes, at)) return topicEnd;
    checkText(bytes, at, end);
    const topic = bytes.toString('utf8', at + 2, topicEnd);
    if (topic === '') throw new FrameError('an empty topic [MQTT-4.7.3-1]');
    if (/[+#]/.test(topic)) throw new FrameError('a topic with a wildcard [MQTT-3.3.2-2]');
    const dpuId = dpuOfEventsTopic(topic);
    if (dpuId !== null && !this.#owner.mayPublish(dpuId)) {
      throw new FrameError(`it may not publish events of DPU ${dpuId}`, 'publish_not_authorized');
    }
    this.#dpuId = dpuId;
    this.#topic = Buffer.from(bytes.subarray(at, topicEnd));
    return topicEnd;
  }

  /** True when a QoS 2 publish with this identifier has been taken and not yet been released. */
  #isRepeated(id: number): boolean {
    this.#received ??= new Uint8Array(PACKET_IDS / 8);
    const bit = 1 << (id & 7);
    const bits = this.#received[id >> 3] as number;
    this.#received[id >> 3] = bits | bit;
    return (bits & bit) !== 0;
  }
}

function answerTo(qos: number, packetId: number): number {
  return (qos === 1 ? PUBACK : PUBREC) * PACKET_IDS + packetId;
}

function isSame(known: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < known.length; index++) if (known[index] !== bytes[at + index]) return false;
  return true;
}
