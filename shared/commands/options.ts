// Options that several commands take, and readers for their values.
import { parseTimestampMs } from '../timestamp.ts';
import { type Option, WrongUse } from './command.ts';

export const DEFAULT_URL = 'http://127.0.0.1:8080';
const DEFAULT_MQTT_PORT = 1883;

export const keyOption = {
  value: 'key',
  description: 'key of the service, where it asks for one',
  parse: (text: string): string => text,
} satisfies Option<string>;

export const urlOption = {
  value: 'url',
  description: 'where the service answers over HTTP',
  parse: parseHttpUrl,
  standard: DEFAULT_URL,
} satisfies Option<string>;

export const overlapOption = {
  value: 'seconds',
  description: 'the secret before stays good for so long besides (31 days at most)',
  parse: numberFrom(0, 31 * 86_400, 'whole'),
  standard: 0,
} satisfies Option<number>;

export const mqttOption = {
  value: 'url',
  description: `where the service takes MQTT (default: port ${DEFAULT_MQTT_PORT} of the host of --url)`,
  parse: parseMqttUrl,
} satisfies Option<string>;

/** The MQTT address to use when only the HTTP one is known. */
export function mqttUrlBeside(httpUrl: string): string {
  return `mqtt://${new URL(httpUrl).hostname}:${DEFAULT_MQTT_PORT}`;
}

/** An http address without a slash at its end. */
export function parseHttpUrl(text: string): string {
  return parseUrl(text, ['http:', 'https:'], DEFAULT_URL);
}

function parseMqttUrl(text: string): string {
  return parseUrl(text, ['mqtt:', 'mqtts:', 'ws:', 'wss:'], `mqtt://127.0.0.1:${DEFAULT_MQTT_PORT}`);
}

function parseUrl(text: string, protocols: readonly string[], example: string): string {
  const url = URL.parse(text);
  if (url === null || !protocols.includes(url.protocol))
    throw new WrongUse(`It must be an address such as ${example}.`);
  return text.replace(/\/+$/, '');
}

/** An instant as the API takes it; the text itself, once it is known to be good. */
export function parseInstant(text: string): string {
  if (parseTimestampMs(text) === undefined) throw new WrongUse('It must be a time such as 2018-02-24T08:45:21.893Z.');
  return text;
}

/** A reader of numbers from `least` to `most`. */
export function numberFrom(least: number, most: number, kind: 'whole' | 'any'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const good = text.trim() !== '' && value >= least && value <= most && (kind === 'any' || Number.isInteger(value));
    if (!good) throw new WrongUse(`It must be a ${kind === 'whole' ? 'whole ' : ''}number from ${least} to ${most}.`);
    return value;
  };
}
