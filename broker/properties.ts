// Properties of MQTT 5 packets: which of them a client's packet may carry, and what those say that matter here. Pure.
import { FrameError } from './frames.ts';
import { checkText, readNumber } from './packet-rules.ts';

/** Property identifiers (MQTT 5, table 2-4). */
export const PROPERTY = {
  sessionExpiryS: 0x11,
  assignedClientId: 0x12,
  serverKeepaliveS: 0x13,
  authenticationMethod: 0x15,
  receiveMaximum: 0x21,
  topicAlias: 0x23,
  retainAvailable: 0x25,
  packetBytesMax: 0x27,
  wildcardsAvailable: 0x28,
  subscriptionIdsAvailable: 0x29,
  sharedAvailable: 0x2a,
} as const;

type Form = 'byte' | 'two bytes' | 'four bytes' | 'text' | 'data' | 'two texts';

const FORMS = new Map<number, Form>([
  [0x01, 'byte'],
  [0x02, 'four bytes'],
  [0x03, 'text'],
  [0x08, 'text'],
  [0x09, 'data'],
  [0x11, 'four bytes'],
  [0x15, 'text'],
  [0x16, 'data'],
  [0x17, 'byte'],
  [0x18, 'four bytes'],
  [0x19, 'byte'],
  [0x1f, 'text'],
  [0x21, 'two bytes'],
  [0x22, 'two bytes'],
  [0x23, 'two bytes'],
  [0x26, 'two texts'],
  [0x27, 'four bytes'],
]);
/** User properties may come more than once. */
const USER = 0x26;

/** The properties that each packet of a client may carry, as far as it is taken here. */
export const ALLOWED = {
  connect: new Set([0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, USER, 0x27]),
  will: new Set([0x01, 0x02, 0x03, 0x08, 0x09, 0x18, USER]),
  publish: new Set([0x01, 0x02, 0x03, 0x08, 0x09, 0x23, USER]),
  release: new Set([0x1f, USER]),
  disconnect: new Set([0x11, 0x1f, USER]),
  filters: new Set([USER]),
} as const;

export type Properties = {
  readonly end: number;
  /** Of those that are numbers; others are there as NaN. */
  readonly values: ReadonlyMap<number, number>;
};

const NONE: ReadonlyMap<number, number> = new Map();

/** The properties at `at`. Throws FrameError for those that are malformed, not allowed here, or there twice. */
export function readProperties(bytes: Buffer, at: number, end: number, allowed: ReadonlySet<number>): Properties {
  const { length, next: first } = readLength(bytes, at, end);
  if (length === 0) return { end: first, values: NONE };
  const propertiesEnd = first + length;
  if (propertiesEnd > end) throw new FrameError('properties that are longer than their packet');
  const values = new Map<number, number>();
  for (let next = first; next < propertiesEnd; ) {
    const id = bytes[next] as number;
    const form = FORMS.get(id);
    if (form === undefined) throw new FrameError(`property ${id}, which there is not [MQTT-2.2.2]`);
    const isWrong = !allowed.has(id) || (values.has(id) && id !== USER);
    if (isWrong) throw new FrameError(`property ${id}, not here or not twice`, 'protocol_error');
    const valueAt = next + 1;
    next = formEnd(bytes, valueAt, propertiesEnd, form);
    const isNumber = form === 'byte' || form === 'two bytes' || form === 'four bytes';
    values.set(id, isNumber ? bytes.readUIntBE(valueAt, next - valueAt) : Number.NaN);
  }
  return { end: propertiesEnd, values };
}

/** Where the properties of a PUBLISH end. */
export function publishPropertiesEnd(bytes: Buffer, at: number, end: number, flags: number): number {
  if ((flags & 1) !== 0) throw new FrameError('RETAIN, which is not offered [MQTT-3.2.2-14]', 'retain_not_supported');
  if (bytes[at] === 0 && at < end) return at + 1;
  const properties = readProperties(bytes, at, end, ALLOWED.publish);
  if (!properties.values.has(PROPERTY.topicAlias)) return properties.end;
  throw new FrameError('a topic alias, of which there are none [MQTT-3.3.2-9]', 'topic_alias');
}

/** A variable byte integer (MQTT 5, 1.5.5). */
function readLength(bytes: Buffer, at: number, end: number): { length: number; next: number } {
  let length = 0;
  for (let shift = 0, next = at; shift <= 21 && next < end; shift += 7, next++) {
    const byte = bytes[next] as number;
    length += (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return { length, next: next + 1 };
  }
  throw new FrameError('a length that does not end [MQTT-1.5.5-1]');
}

function formEnd(bytes: Buffer, at: number, end: number, form: Form): number {
  const next = {
    byte: () => at + 1,
    'two bytes': () => at + 2,
    'four bytes': () => at + 4,
    text: () => checkText(bytes, at, end),
    data: () => at + 2 + readNumber(bytes, at, end),
    'two texts': () => checkText(bytes, checkText(bytes, at, end), end),
  }[form]();
  if (next > end) throw new FrameError('a property that is longer than its packet');
  return next;
}
