// The states of DPUs for readers over MQTT: who is connected since when, told at once, and when each was last heard, coarsely.
import type { Clock } from '../shared/clock.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import { NOTICES_TOGETHER, type Notice, NoticeBoard, repeat } from '../shared/notices.ts';
import type { ConnectionStore } from '../shared/storage/connections.ts';
import type { LiveReader } from '../shared/storage/live.ts';
import { formatTimestampOrNull } from '../shared/timestamp.ts';

/** Between looks for connections that began or ended. */
const LOOK_MS = 500;
/** Between looks at when each was last heard: a busy fleet would be told of without end. */
const HEARD_EVERY_MS = 60_000;

export type StatusSources = {
  readonly connections: Pick<ConnectionStore, 'find' | 'newest' | 'changes'>;
  readonly history: Pick<LiveReader, 'heard'>;
  readonly plan: Floorplan;
  readonly clock: Clock;
  readonly log: Log;
};

export function statusBoard(sources: StatusSources): NoticeBoard {
  const { connections, plan, clock, log } = sources;
  return new NoticeBoard((put, signal) => {
    let told = new Set<DpuId>();
    let revision: number | null = null;
    let factNumber = -1;
    let allAtMs = Number.NEGATIVE_INFINITY;
    const tell = async (ids: readonly DpuId[], isFirst: boolean): Promise<void> => {
      for (let at = 0; at < ids.length && !signal.aborted; at += NOTICES_TOGETHER) {
        put({ notices: await noticesOf(sources, ids.slice(at, at + NOTICES_TOGETHER)), isFirst });
      }
    };
    const step = async (): Promise<void> => {
      revision ??= await connections.newest();
      const changed = await connections.changes(revision);
      const isDue = clock.monotonicMs() - allAtMs >= HEARD_EVERY_MS;
      if (isDue || plan.factNumber !== factNumber) {
        const known = plan.factNumber;
        const now = new Set([...plan.dpus.values()].filter(isThere).map(({ id }) => id));
        const gone = [...told].filter((id) => !now.has(id));
        put({ notices: gone.map((id) => [id, null]), isFirst: false });
        await tell(isDue ? [...now] : [...now].filter((id) => !told.has(id)), factNumber < 0);
        told = now;
        factNumber = known;
        if (isDue) allAtMs = clock.monotonicMs();
      }
      await tell(
        changed.dpuIds.filter((id) => told.has(id)),
        false,
      );
      revision = changed.revision;
    };
    const failed = (error: unknown) => log.debug({ err: error }, 'the states of DPUs cannot be read at the moment');
    repeat(step, { restMs: LOOK_MS, signal, failed });
  });
}

function isThere({ retiredAtMs }: { readonly retiredAtMs: number | null }): boolean {
  return retiredAtMs === null;
}

async function noticesOf({ connections, history }: StatusSources, ids: readonly DpuId[]): Promise<Notice[]> {
  const [found, heard] = await Promise.all([connections.find(ids), history.heard(ids)]);
  return ids.map((id, index) => {
    const { online = false, sinceMs = null } = found[index] ?? {};
    const since = formatTimestampOrNull(sinceMs);
    const lastHeard = formatTimestampOrNull(heard[index]?.heardAtMs ?? null);
    return [id, JSON.stringify({ online, since, last_heard: lastHeard })];
  });
}
