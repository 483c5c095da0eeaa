// Queries: each in a file of its own in flux/, in front of which its parameters are put as constants of known types.
//
// Nothing that somebody typed ever becomes part of a query: ids are checked against their pattern and escaped all the
// same, instants and numbers are written by us.
import { readFileSync } from 'node:fs';
import { OLDEST_EVENT_MS } from '../../event.ts';
import { isId } from '../../ids.ts';
import type { Influx, Row } from './influx.ts';

export type FluxParameters = {
  readonly space?: string;
  readonly dpu?: string;
  readonly partition?: number;
  /** [startMs, stopMs); default: all that there may be. */
  readonly startMs?: number;
  readonly stopMs?: number;
};

/** After every event that is ever taken. */
export const END_OF_TIME_MS = Date.UTC(2200, 0, 1);

const texts = new Map<string, string>();

/** The rows of flux/`name`.flux. */
export function rowsOf(influx: Pick<Influx, 'query'>, name: string, parameters: FluxParameters): Promise<Row[]> {
  return influx.query(fluxOf(name, parameters));
}

/** The text of flux/`name`.flux with its parameters. Throws on an id that is none. */
export function fluxOf(name: string, { startMs, stopMs, ...rest }: FluxParameters): string {
  const constants = [
    `start = ${instant(startMs ?? OLDEST_EVENT_MS)}`,
    `stop = ${instant(stopMs ?? END_OF_TIME_MS)}`,
    ...Object.entries(rest).map(
      ([key, value]) => `${key} = ${key === 'partition' ? text(String(value)) : id(String(value))}`,
    ),
  ];
  return `${constants.join('\n')}\n${fileOf(name)}`;
}

/** An id as a Flux string; throws when it is none. */
export function id(value: string): string {
  if (!isId(value)) throw new Error(`not an id: ${JSON.stringify(value)}`);
  return text(value);
}

/**
 * Any text as a Flux string. Escaped by code point where it could mean anything but itself: in Flux a dollar begins an
 * interpolation, and its scanner passes over a backslash after one.
 */
export function text(value: string): string {
  const escaped = [...Buffer.from(value, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_ .:-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** A moment as a Flux time. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function fileOf(name: string): string {
  let flux = texts.get(name);
  if (flux === undefined) {
    flux = readFileSync(new URL(`flux/${name}.flux`, import.meta.url), 'utf8');
    texts.set(name, flux);
  }
  return flux;
}
