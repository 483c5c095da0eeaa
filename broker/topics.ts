// Topics: which of them carry events of a DPU, which are for readers, and which may be subscribed to. Pure.
import { type DpuId, isId } from '../shared/ids.ts';
import { isSame } from './packet-rules.ts';

const DPU_PREFIX = 'dpu/';
const EVENTS_SUFFIX = '/events';
const COMMANDS_SUFFIX = '/commands';

/** The DPU whose events are published on `topic`; null for every other topic. */
export function dpuOfEventsTopic(topic: string): DpuId | null {
  return dpuBetween(topic, EVENTS_SUFFIX);
}

/** The bytes of what stands around a DPU's id. */
const [PREFIX_BYTES, SUFFIX_BYTES] = [Buffer.from(DPU_PREFIX), Buffer.from(EVENTS_SUFFIX)];

/** True when the topic in `bytes` from `at` to `end` is that of the DPU's events. */
export function isEventsTopicOf(dpuId: DpuId, bytes: Uint8Array, at: number, end: number): boolean {
  const idAt = at + PREFIX_BYTES.length;
  const idEnd = idAt + dpuId.length;
  if (idEnd + SUFFIX_BYTES.length !== end) return false;
  for (let index = 0; index < dpuId.length; index++) {
    if (bytes[idAt + index] !== dpuId.charCodeAt(index)) return false;
  }
  return isSame(PREFIX_BYTES, bytes, at) && isSame(SUFFIX_BYTES, bytes, idEnd);
}

/** The DPU whose commands alone `filter` stands for; null for every other filter, one with a wildcard included. */
export function dpuOfCommandsFilter(filter: string): DpuId | null {
  return dpuBetween(filter, COMMANDS_SUFFIX);
}

/** What may be read by subscribing: counts of spaces, states of DPUs. */
export const READABLES = ['count', 'status'] as const;
export type Readable = (typeof READABLES)[number];
const COLLECTIONS: Readonly<Record<Readable, string>> = { count: 'spaces', status: 'dpus' };

export function topicOf(what: Readable, id: string): string {
  return `${COLLECTIONS[what]}/${id}/${what}`;
}

/** The id in a filter that stands for such topics, `+` for all; null for every other filter. */
export function idInFilter(what: Readable, filter: string): string | null {
  const [first = '', id = '', last = '', ...more] = filter.split('/');
  const stands = [COLLECTIONS[what], '+'].includes(first) && [what, '+'].includes(last) && more.length === 0;
  return stands && (id === '+' || isId(id)) ? id : null;
}

function dpuBetween(topic: string, suffix: string): DpuId | null {
  if (!topic.startsWith(DPU_PREFIX) || !topic.endsWith(suffix)) return null;
  const id = topic.slice(DPU_PREFIX.length, -suffix.length);
  return isId(id) ? (id as DpuId) : null;
}

/**
 * False for what nobody may subscribe to: everything at once (`#`), the commands of more than one DPU (who acknowledges
 * one has it for the DPU), and names that begin with `$`, which are the server's own [MQTT-4.7.2-1] or would be granted
 * and never served (`$share`).
 */
export function isSubscribable(filter: string): boolean {
  return !filter.includes('#') && !filter.startsWith('$') && !isOfSeveralCommands(filter);
}

/** True for a filter with a wildcard that stands for commands too. */
function isOfSeveralCommands(filter: string): boolean {
  const [first = '', , last = '', ...more] = filter.split('/');
  return filter.includes('+') && more.length === 0 && ['dpu', '+'].includes(first) && ['commands', '+'].includes(last);
}
