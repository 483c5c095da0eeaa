// Topics: which of them carry events of a DPU, and which may be subscribed to. Pure.
import { type DpuId, isId } from '../shared/ids.ts';

const EVENTS_PREFIX = 'dpu/';
const EVENTS_SUFFIX = '/events';

/** The DPU whose events are published on `topic`; null for every other topic. */
export function dpuOfEventsTopic(topic: string): DpuId | null {
  if (!topic.startsWith(EVENTS_PREFIX) || !topic.endsWith(EVENTS_SUFFIX)) return null;
  const id = topic.slice(EVENTS_PREFIX.length, -EVENTS_SUFFIX.length);
  return isId(id) ? (id as DpuId) : null;
}

/**
 * False for what nobody may subscribe to: everything at once (`#`), and names that begin with `$`, which are the
 * server's own [MQTT-4.7.2-1] or would be granted and never served (`$share`).
 */
export function isSubscribable(filter: string): boolean {
  return !filter.includes('#') && !filter.startsWith('$');
}
