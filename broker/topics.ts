// Topics: which of them carry events of a DPU, and which may be subscribed to. Pure.
import { type DpuId, isId } from '../shared/ids.ts';

const DPU_PREFIX = 'dpu/';
const EVENTS_SUFFIX = '/events';
const COMMANDS_SUFFIX = '/commands';

/** The DPU whose events are published on `topic`; null for every other topic. */
export function dpuOfEventsTopic(topic: string): DpuId | null {
  return dpuBetween(topic, EVENTS_SUFFIX);
}

/** The DPU whose commands alone `filter` stands for; null for every other filter, one with a wildcard included. */
export function dpuOfCommandsFilter(filter: string): DpuId | null {
  return dpuBetween(filter, COMMANDS_SUFFIX);
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
