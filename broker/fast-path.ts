// The fast path of one connection: its publishes are taken from the stream, stored, and answered in their order.
//
//   PUBLISH ──▶ rules ──▶ dpu/<id>/events ──▶ ingest ─────────────┐
//                 │         ├─ of a DPU that it does not speak for ─▶ connection closed, nothing acknowledged
//                 │         └─ any other topic ─▶ quarantine as malformed ──┤
//                 └─ too long: body skipped ─▶ quarantine as too_large ─────┴─▶ durable ─▶ PUBACK, PUBREC, nothing (QoS 0)
// Whoever stores tells in the order in which it was asked, so that a queue of what is to be answered is all the memory
// that a publish takes here. Answers of one turn leave in one write.
import type { Bringer, Ingest, Outcome } from '../shared/ingest.ts';
import type { Sender } from '../shared/sender.ts';
import type { AcknowledgementTimes } from './acknowledgement-times.ts';
import {
  answerTo,
  answerToRelease,
  encodeAnswers,
  FAILURE,
  isReceived,
  NO_ANSWER,
  PONG,
  packetIdOf,
  REASON,
  reasonOf,
  withReason,
} from './answers.ts';
import { FrameError, type Header } from './frames.ts';
import type { Accepted } from './gate.ts';
import { Numbers } from './numbers.ts';
import { PacketIds } from './packet-ids.ts';
import { readNumber, readPacketId, readTopic } from './packet-rules.ts';
import { ALLOWED, publishPropertiesEnd, readProperties } from './properties.ts';
import { dpuOfEventsTopic, isEventsTopicOf } from './topics.ts';

/** What a fast path needs of its connection. */
export type FastPathOwner = {
  readonly accepted: Accepted | null;
  /** Calls `flush` at the end of this turn. */
  flushSoon(path: FastPath): void;
  send(bytes: string): void;
  /** A publish is answered, or needs no answer. */
  answered(): void;
};

const NOTHING = Buffer.alloc(0);
/** Never added to. */
const NONE: number[] = [];

/** A PUBLISH that is too long, while its body goes by. */
type Skipped = { readonly topic: string; readonly answer: number; readonly bytes: number; left: number };

export class FastPath implements Bringer {
  readonly #ingest: Ingest;
  readonly #times: AcknowledgementTimes;
  readonly #owner: FastPathOwner;
  /** What is to be answered once it is stored, in order, and behind each of them when it was read. */
  readonly #waiting = new Numbers();
  /** What is stored and leaves at the end of this turn. */
  #answers: number[] = NONE;
  readonly #received = new PacketIds();
  #skipped: Skipped | null = null;
  #isFive = false;
  #owed = 0;
  /** The DPU to whose topic was published last, and the part in which that was allowed; null: it was no DPU's. */
  #sender: Sender | null = null;
  #part: object | null = null;
  #partOf: Accepted['partOf'] = null;

  constructor(ingest: Ingest, times: AcknowledgementTimes, owner: FastPathOwner) {
    this.#ingest = ingest;
    this.#times = times;
    this.#owner = owner;
  }

  /** Publishes taken and not yet stored. */
  get unanswered(): number {
    return this.#waiting.length / 2;
  }

  /** Those of them that are to be answered. */
  get owed(): number {
    return this.#owed;
  }

  /** Of a client that has been let in: publishes may follow. */
  accept({ partOf }: Accepted): void {
    this.#partOf = partOf;
  }

  /** From now on packets are those of MQTT 5. */
  speakFive(): void {
    this.#isFive = true;
  }

  /** Takes a whole PUBLISH. */
  publish(bytes: Buffer, { flags, bodyAt, end }: Header): void {
    const topicEnd = this.#readTopic(bytes, bodyAt, end);
    let at = topicEnd;
    const qos = (flags >> 1) & 3;
    let answer = NO_ANSWER;
    if (qos > 0) {
      answer = answerTo(qos, readPacketId(bytes, at, end));
      at += 2;
    }
    if (this.#isFive) at = publishPropertiesEnd(bytes, at, end, flags);
    this.#await(answer);
    // Not a second time [MQTT-4.3.3-2].
    if (qos === 2 && this.#received.add(packetIdOf(answer))) return this.#ingest.inTurn(this);
    if (this.#sender !== null) return this.#ingest.take(this.#sender, bytes, at, end, this);
    const topic = bytes.toString('utf8', bodyAt + 2, topicEnd);
    this.#quarantine(topic, bytes.subarray(at, end), 'malformed', 'topic: not dpu/<id>/events', REASON.topic);
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
    const topic = bytes.toString('utf8', bodyAt + 2, topicEnd);
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
    this.#await(skipped.answer);
    const detail = `PUBLISH of ${skipped.bytes} bytes; its body was not kept`;
    this.#quarantine(skipped.topic, NOTHING, 'too_large', detail, REASON.tooLarge);
    return passed;
  }

  /** PUBREL is answered whether its packet identifier is known or not [MQTT-4.3.3-2]. */
  release(bytes: Buffer, { bodyAt, end }: Header): void {
    const id = readPacketId(bytes, bodyAt, end);
    if (this.#isFive && bodyAt + 3 < end) readProperties(bytes, bodyAt + 3, end, ALLOWED.release);
    else if (!this.#isFive && bodyAt + 2 !== end) throw new FrameError('PUBREL goes on after its packet identifier');
    this.#answer(answerToRelease(id), this.#received.delete(id) || !this.#isFive ? REASON.success : REASON.unknownId);
  }

  /** PINGREQ is answered with all else of this turn: thousands may come in one piece [MQTT-3.12.4-1]. */
  pong(): void {
    this.#answer(PONG, REASON.success);
  }

  /** What was asked of ingest first, and has not been told yet, is durable. */
  stored(outcomes?: readonly Outcome[]): void {
    this.#answerNext(outcomes === undefined ? REASON.success : reasonOf(outcomes));
  }

  /** Writes what has become due. */
  flush(): void {
    if (this.#answers.length > 0) this.#owner.send(encodeAnswers(this.#answers));
    this.#answers = NONE;
  }

  #await(answer: number): void {
    this.#waiting.push(answer);
    this.#waiting.push(this.#times.read());
    if (answer !== NO_ANSWER) this.#owed += 1;
  }

  #quarantine(topic: string, payload: Buffer, reason: 'malformed' | 'too_large', detail: string, code: number): void {
    this.#ingest.quarantine({ topic, payload, reason, detail }, () => this.#answerNext(code));
  }

  /** What waited longest is durable: acknowledgements leave in the order of the publishes [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  #answerNext(reason: number): void {
    const answer = this.#waiting.shift() as number;
    const readAtMs = this.#waiting.shift() as number;
    if (answer !== NO_ANSWER) {
      this.#owed -= 1;
      this.#times.answered(readAtMs);
      this.#answer(answer, this.#isFive ? reason : REASON.success);
    }
    this.#owner.answered();
  }

  #answer(answer: number, reason: number): void {
    // No PUBREL follows a failure (MQTT 5, 4.3.3).
    if (reason >= FAILURE && isReceived(answer)) this.#received.delete(packetIdOf(answer));
    const bytes = withReason(answer, reason);
    if (this.#answers.length > 0) this.#answers.push(bytes);
    else {
      this.#answers = [bytes];
      this.#owner.flushSoon(this);
    }
  }

  /** Sets who has published to the topic at `at`; answers where the topic ends. */
  #readTopic(bytes: Buffer, at: number, end: number): number {
    const topicEnd = at + 2 + readNumber(bytes, at, end);
    const part = this.#partOf?.() ?? null;
    const last = part === this.#part && topicEnd <= end ? this.#sender : null;
    if (last !== null && isEventsTopicOf(last.dpuId, bytes, at + 2, topicEnd)) return topicEnd;
    const topic = readTopic(bytes, at, end);
    const dpuId = dpuOfEventsTopic(topic);
    if (this.#owner.accepted?.mayPublish(dpuId) !== true) {
      throw new FrameError(`it may not publish to ${topic}`, 'publish_not_authorized');
    }
    this.#sender = dpuId === null ? null : this.#ingest.senderOf(dpuId);
    this.#part = part;
    return topicEnd;
  }
}
