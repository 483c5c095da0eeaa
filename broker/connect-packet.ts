// CONNECT, read and held against the rules of MQTT 3.1.1 (section 3.1) and 5 before anybody acts on it. Pure.
import { FrameError } from './frames.ts';
import { checkText, readNumber } from './packet-rules.ts';
import { ALLOWED, PROPERTY, type Properties, readProperties } from './properties.ts';

export type Connect = {
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5. */
  readonly level: number;
  readonly clean: boolean;
  /** 0: it does not say how long it will be silent. */
  readonly keepaliveS: number;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly sessionExpiryS: number;
  /** The largest packet that it takes. */
  readonly packetBytesMax: number;
};

/** Protocol names, and the levels that go with each [MQTT-3.1.2-1] [MQTT-3.1.2-2]. */
const LEVELS = new Map([
  ['MQTT', [4, 5]],
  ['MQIsdp', [3]],
]);
const FLAG = {
  reserved: 1,
  clean: 2,
  will: 4,
  willQos: 0x18,
  willRetain: 0x20,
  password: 0x40,
  username: 0x80,
} as const;

/** The protocol level, and where it stands. Throws FrameError for another protocol, or a level that is not offered. */
export function readLevel(bytes: Buffer, bodyAt: number, end: number): { level: number; at: number } {
  const at = checkText(bytes, bodyAt, end);
  const levels = LEVELS.get(bytes.toString('utf8', bodyAt + 2, at));
  if (levels === undefined) throw new FrameError('another protocol [MQTT-3.1.2-1]', 'protocol_error');
  if (at === end) throw new FrameError('the packet ends too soon');
  const level = bytes[at] as number;
  if (!levels.includes(level)) throw new FrameError(`protocol level ${level} [MQTT-3.1.2-2]`, 'unsupported_version');
  return { level, at };
}

/** The CONNECT of `level`, which stands at `levelAt`. Throws FrameError. */
export function readConnect(bytes: Buffer, levelAt: number, end: number, level: number): Connect {
  if (levelAt + 4 > end) throw new FrameError('the packet ends too soon');
  const flags = bytes[levelAt + 1] as number;
  checkFlags(flags, level);
  const keepaliveS = readNumber(bytes, levelAt + 2, end);
  let at = levelAt + 4;
  const properties = level === 5 ? readConnectProperties(bytes, at, end) : null;
  if (properties !== null) at = properties.end;
  const takeText = (): string => {
    const from = at + 2;
    at = checkText(bytes, at, end);
    return bytes.toString('utf8', from, at);
  };
  const takeData = (): Buffer => {
    const from = at + 2;
    at = from + readNumber(bytes, at, end);
    if (at > end) throw new FrameError('a field is longer than its packet');
    return bytes.subarray(from, at);
  };
  const clientId = takeText();
  if (has(flags, FLAG.will)) {
    if (level === 5) at = readProperties(bytes, at, end, ALLOWED.will).end;
    takeText();
    takeData();
  }
  const username = has(flags, FLAG.username) ? takeText() : undefined;
  const password = has(flags, FLAG.password) ? Buffer.from(takeData()) : undefined;
  if (at !== end) throw new FrameError('CONNECT goes on after its last field');
  const clean = has(flags, FLAG.clean);
  const sessionExpiryS = properties?.values.get(PROPERTY.sessionExpiryS) ?? 0;
  const packetBytesMax = properties?.values.get(PROPERTY.packetBytesMax) ?? Number.POSITIVE_INFINITY;
  return { level, clean, keepaliveS, clientId, username, password, sessionExpiryS, packetBytesMax };
}

function readConnectProperties(bytes: Buffer, at: number, end: number): Properties {
  const properties = readProperties(bytes, at, end, ALLOWED.connect);
  const { values } = properties;
  if (values.get(PROPERTY.receiveMaximum) === 0 || values.get(PROPERTY.packetBytesMax) === 0) {
    throw new FrameError('a maximum of 0 (MQTT 5, 3.1.2.11)', 'protocol_error');
  }
  if (values.has(PROPERTY.authenticationMethod))
    throw new FrameError('enhanced authentication', 'authentication_method');
  return properties;
}

function checkFlags(flags: number, level: number): void {
  if (has(flags, FLAG.reserved)) throw new FrameError('the reserved flag [MQTT-3.1.2-3]');
  const willQos = flags & FLAG.willQos;
  if (willQos === FLAG.willQos) throw new FrameError('a will with QoS 3 [MQTT-3.1.2-14]');
  if (!has(flags, FLAG.will) && (willQos !== 0 || has(flags, FLAG.willRetain))) {
    throw new FrameError('flags of a will without a will [MQTT-3.1.2-13] [MQTT-3.1.2-15]');
  }
  if (level === 5 && has(flags, FLAG.willRetain)) throw new FrameError('a retained will', 'retain_not_supported');
  if (level < 5 && has(flags, FLAG.password) && !has(flags, FLAG.username)) {
    throw new FrameError('a password without a user name [MQTT-3.1.2-22]');
  }
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}
