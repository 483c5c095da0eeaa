// CONNECT, read and held against the rules of MQTT 3.1.1 (section 3.1) and 5 before anybody acts on it. Pure.
import { FrameError } from './frames.ts';
import { checkText, readNumber } from './packet-rules.ts';

export type Connect = {
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5. */
  readonly level: number;
  readonly clean: boolean;
  readonly keepaliveS: number;
  readonly clientId: string;
};

/** Protocol names, and the levels that go with each [MQTT-3.1.2-1] [MQTT-3.1.2-2]. */
const LEVELS = new Map([
  ['MQTT', [4]],
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

/** The protocol level is one that is not offered, of a protocol that is: the client is to be told so. */
export class LevelError extends FrameError {
  constructor(level: number) {
    super(`protocol level ${level} [MQTT-3.1.2-2]`, 'unsupported_version');
  }
}

/** The CONNECT whose body is from `bodyAt` to `end`. Throws FrameError. */
export function readConnect(bytes: Buffer, bodyAt: number, end: number): Connect {
  let at = checkText(bytes, bodyAt, end);
  const levels = LEVELS.get(bytes.toString('utf8', bodyAt + 2, at));
  if (levels === undefined) throw new FrameError('another protocol [MQTT-3.1.2-1]', 'protocol_error');
  if (at + 4 > end) throw new FrameError('the packet ends too soon');
  const level = bytes[at] as number;
  if (!levels.includes(level)) throw new LevelError(level);
  const flags = bytes[at + 1] as number;
  checkFlags(flags);
  const keepaliveS = readNumber(bytes, at + 2, end);
  at += 4;
  const clientIdEnd = checkText(bytes, at, end);
  const clientId = bytes.toString('utf8', at + 2, clientIdEnd);
  at = clientIdEnd;
  if (has(flags, FLAG.will)) at = skipData(bytes, checkText(bytes, at, end), end);
  if (has(flags, FLAG.username)) at = checkText(bytes, at, end);
  if (has(flags, FLAG.password)) at = skipData(bytes, at, end);
  if (at !== end) throw new FrameError('CONNECT goes on after its last field');
  return { level, clean: has(flags, FLAG.clean), keepaliveS, clientId };
}

function checkFlags(flags: number): void {
  if (has(flags, FLAG.reserved)) throw new FrameError('the reserved flag [MQTT-3.1.2-3]');
  const willQos = flags & FLAG.willQos;
  if (willQos === FLAG.willQos) throw new FrameError('a will with QoS 3 [MQTT-3.1.2-14]');
  if (!has(flags, FLAG.will) && (willQos !== 0 || has(flags, FLAG.willRetain))) {
    throw new FrameError('flags of a will without a will [MQTT-3.1.2-13] [MQTT-3.1.2-15]');
  }
  if (has(flags, FLAG.password) && !has(flags, FLAG.username)) {
    throw new FrameError('a password without a user name [MQTT-3.1.2-22]');
  }
}

function skipData(bytes: Buffer, at: number, end: number): number {
  const dataEnd = at + 2 + readNumber(bytes, at, end);
  if (dataEnd > end) throw new FrameError('a field is longer than its packet');
  return dataEnd;
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}
