// Answers to publishes as numbers, and as the bytes that they are written as: a connection may wait for a thousand of them.
import type { Outcome } from '../shared/ingest.ts';
import { PACKET } from './frames.ts';

/** First bytes of what is answered to QoS 1, QoS 2 and PUBREL; each is followed by a length and the packet identifier. */
const PUBACK = PACKET.puback << 4;
const PUBREC = PACKET.pubrec << 4;
const PUBCOMP = PACKET.pubcomp << 4;

/** answer = reason code (MQTT 5 only), first byte, packet identifier; none is due for QoS 0. */
export const NO_ANSWER = 0;
export const PACKET_IDS = 2 ** 16;
const PACKET_ID_BITS = 16;
/** The answer to PINGREQ, which has no packet identifier. */
export const PONG = (PACKET.pingresp << 4) * PACKET_IDS;
const PONG_BYTES = String.fromCharCode(PACKET.pingresp << 4, 0);
const REASON_UNIT = 2 ** 24;

/** Reason codes of PUBACK, PUBREC, PUBCOMP in MQTT 5; what is quarantined is stored, so these are for people to read. */
export const REASON = { success: 0, noDpu: 0x10, topic: 0x90, unknownId: 0x92, tooLarge: 0x97, payload: 0x99 } as const;
/** From here on a reason code says that it failed. */
export const FAILURE = 0x80;

export function answerTo(qos: number, packetId: number): number {
  return (qos === 1 ? PUBACK : PUBREC) * PACKET_IDS + packetId;
}

export function answerToRelease(packetId: number): number {
  return PUBCOMP * PACKET_IDS + packetId;
}

export function packetIdOf(answer: number): number {
  return answer % PACKET_IDS;
}

/** True for an answer that a PUBREL follows. */
export function isReceived(answer: number): boolean {
  return answer >> PACKET_ID_BITS === PUBREC;
}

export function withReason(answer: number, reason: number): number {
  return answer + reason * REASON_UNIT;
}

/** A byte a character (latin1): Node writes a short text without a buffer made for it. */
export function encodeAnswers(answers: readonly number[]): string {
  let bytes = '';
  for (const answer of answers) {
    const [type, high, low] = [answer >> PACKET_ID_BITS, (answer >> 8) & 0xff, answer & 0xff];
    if (answer === PONG) bytes += PONG_BYTES;
    else if (answer < REASON_UNIT) bytes += String.fromCharCode(type, 2, high, low);
    else bytes += String.fromCharCode(type & 0xff, 3, high, low, Math.floor(answer / REASON_UNIT));
  }
  return bytes;
}

/** Stored is a success, also where a part of it cannot be counted; of the rest the first reason. */
export function reasonOf(outcomes: readonly Outcome[]): number {
  const [first] = outcomes;
  if (first === undefined || outcomes.some(({ status }) => status === 'accepted')) return REASON.success;
  return first.reason === 'unknown_dpu' ? REASON.noDpu : REASON.payload;
}
