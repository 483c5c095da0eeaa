// The counts of now for readers over MQTT: the newest of every space, made from the live feed while anybody reads.
import { systemClock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import type { Core } from '../../shared/core.ts';
import { DoorwayCoverage } from '../../shared/coverage.ts';
import type { Floorplan } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { Log } from '../../shared/log.ts';
import { type Notice, NoticeBoard, repeat, type Source, type Told } from '../../shared/notices.ts';
import { SpaceWatch } from '../../shared/watch.ts';
import { Certainties } from '../certainty.ts';
import { LiveFeed } from './feed.ts';
import type { Body } from './messages.ts';

/** Counts that are worked out together. */
const TOGETHER = 500;
/** Between looks at the floor plan. */
const LOOK_MS = 200;
/** A count becomes settled without an event: those that are not are looked at again so often. */
const PROVISIONAL_EVERY_MS = 10_000;

/** The board of counts on `core`. */
export function countBoard({ floorplan, processors, storage }: Core, config: Config, log: Log): NoticeBoard {
  const { plan, facts } = floorplan;
  const { history } = storage;
  const { latenessAllowedMs } = config;
  const clock = systemClock;
  const source: Source = (put, signal) => {
    const about = { plan, watch: new SpaceWatch(facts), coverage: new DoorwayCoverage(plan), rules: config };
    const certainties = new Certainties({ ...about, history, processor: processors, clock });
    const feed = new LiveFeed({ plan, facts, history, clock, log, latenessAllowedMs, certainties });
    signal.addEventListener('abort', () => feed.close(), { once: true });
    const notices = new CountNotices(plan, feed, put);
    const failed = (error: unknown) => log.debug({ err: error }, 'counts cannot be read at the moment');
    repeat(() => notices.look(clock.monotonicMs()), { restMs: LOOK_MS, signal, failed });
  };
  return new NoticeBoard(source);
}

/** The newest count of a space that was told: no older one comes after it. */
type Newest = { readonly revision: number; readonly isSettled: boolean };

class CountNotices {
  readonly #plan: Floorplan;
  readonly #feed: LiveFeed;
  readonly #put: (told: Told) => void;
  readonly #told = new Map<SpaceId, Newest>();
  /** The number of the next message of the feed; null: it is not listened to yet. */
  #next: number | null = null;
  #factNumber = -1;
  #provisionalAtMs = 0;
  /** Spaces that changed before their first count was told. */
  readonly #missed = new Set<SpaceId>();
  /** The feed has left something out. */
  #isBehind = false;

  constructor(plan: Floorplan, feed: LiveFeed, put: (told: Told) => void) {
    this.#plan = plan;
    this.#feed = feed;
    this.#put = put;
  }

  /** Takes in what no message tells: spaces that are new or retired, counts that have settled, what was left out. */
  async look(nowMs: number): Promise<void> {
    if (this.#next === null) {
      await this.#feed.listen(() => this.#take());
      this.#next = this.#feed.next;
    }
    const { factNumber } = this.#plan;
    if (factNumber !== this.#factNumber) {
      const spaces = [...this.#plan.spaces.values()].filter(({ retiredAtMs }) => retiredAtMs === null);
      const ids = new Set(spaces.map(({ id }) => id));
      const gone = [...this.#told.keys()].filter((id) => !ids.has(id));
      for (const id of gone) this.#told.delete(id);
      this.#put({ notices: gone.map((id) => [id, null]), isFirst: false });
      const added = [...ids].filter((id) => !this.#told.has(id));
      await this.#count(added, this.#factNumber < 0);
      this.#factNumber = factNumber;
    }
    const missed = [...this.#missed];
    await this.#count(
      missed.filter((id) => this.#told.has(id)),
      false,
    );
    for (const id of missed) this.#missed.delete(id);
    const isDue = nowMs - this.#provisionalAtMs >= PROVISIONAL_EVERY_MS;
    if (!isDue && !this.#isBehind) return;
    const again = [...this.#told].filter(([, { isSettled }]) => this.#isBehind || !isSettled).map(([id]) => id);
    const wasBehind = this.#isBehind;
    this.#isBehind = false;
    try {
      await this.#count(again, false);
    } catch (error) {
      this.#isBehind ||= wasBehind;
      throw error;
    }
    if (isDue) this.#provisionalAtMs = nowMs;
  }

  async #count(ids: readonly SpaceId[], isFirst: boolean): Promise<void> {
    for (let at = 0; at < ids.length; at += TOGETHER) {
      this.#tell(await this.#feed.counts(ids.slice(at, at + TOGETHER)), isFirst);
    }
  }

  #take(): void {
    if (this.#next === null) return;
    const batch = this.#feed.since(this.#next);
    this.#next = this.#feed.next;
    this.#isBehind ||= batch === null;
    const counts: Body[] = [];
    for (const message of batch?.messages ?? []) {
      const { spaceId, change } = message;
      if (change !== null || spaceId === null) continue;
      // A space that is new is told of by a look at the floor plan, one that is retired no more.
      if (this.#told.has(spaceId)) counts.push(message);
      else this.#missed.add(spaceId);
    }
    this.#tell(counts, false);
  }

  #tell(bodies: readonly Body[], isFirst: boolean): void {
    const notices: Notice[] = [];
    for (const { spaceId, fields } of bodies) {
      if (spaceId === null) continue;
      const payload = `{${fields}`;
      const { revision, status } = JSON.parse(payload) as { revision: number; status: string };
      if (revision < (this.#told.get(spaceId)?.revision ?? 0)) continue;
      this.#told.set(spaceId, { revision, isSettled: status === 'settled' });
      notices.push([spaceId, payload]);
    }
    this.#put({ notices, isFirst });
  }
}
