// Presence: what one broker process tells of its connections with DPUs, gathered for half a second. Events change nothing here.
//
//   connected, gone, refused ──▶ the newest of each DPU ──every 500 ms──▶ store
//                                        └─ could not be stored ─▶ kept for the next time
import { randomBytes } from 'node:crypto';
import type { Clock } from '../shared/clock.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import type { ConnectionNews, ConnectionStore } from '../shared/storage/connections.ts';
import type { Refusal } from './frames.ts';
import type { Guard } from './guard.ts';

/** What happens within so long is told together. */
const TELL_MS = 500;
/** With nothing to tell, the store is told so after so long: it takes who says nothing for 10 s for dead. */
const BEAT_MS = 2_000;
/** Names of MQTT versions by the protocol level in CONNECT. */
const VERSIONS: Readonly<Record<number, string>> = { 3: '3.1', 4: '3.1.1', 5: '5' };

export type PresenceDependencies = {
  readonly store: Pick<ConnectionStore, 'begin' | 'tell'>;
  readonly plan: Floorplan;
  readonly clock: Clock;
  readonly log: Log;
  /** What this process is called in the store; whoever comes after it under this name ends what it has left. */
  readonly teller: string;
};

export class Presence {
  readonly #dependencies: PresenceDependencies;
  readonly #process = randomBytes(6).toString('hex');
  /** Of the connections with DPUs. */
  readonly #connected = new Map<Guard, ConnectionNews>();
  /** Those who may be a DPU that nobody has spoken of yet: as of fact `#factNumber` there was none of that name. */
  readonly #unknown = new Map<Guard, ConnectionNews>();
  #factNumber = -1;
  #news = new Map<DpuId, ConnectionNews>();
  #refusals = new Map<DpuId, Map<Refusal, number>>();
  readonly #timer: NodeJS.Timeout;
  #telling: Promise<void> | null = null;
  #hasBegun = false;
  #isFailing = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #connections = 0;

  constructor(dependencies: PresenceDependencies) {
    this.#dependencies = dependencies;
    this.#timer = setInterval(() => void this.#tellDue(), TELL_MS).unref();
  }

  /** A client has been let in; what it is, if it is a DPU, is told from now until its connection ends. */
  connected(guard: Guard): void {
    const { plan, clock } = this.#dependencies;
    const dpuId = guard.clientId as DpuId;
    this.#connections += 1;
    const connectionId = `${this.#process}-${this.#connections}`;
    const mqttVersion = VERSIONS[guard.level] ?? '';
    const news = { dpuId, connectionId, online: true, atMs: clock.nowMs(), address: guard.address, mqttVersion };
    if (plan.dpus.has(dpuId)) this.#isThere(guard, news);
    else this.#unknown.set(guard, news);
  }

  /** The connection is over; one that takes it over is told of after this. */
  left(guard: Guard): void {
    this.#unknown.delete(guard);
    const news = this.#connected.get(guard);
    if (news === undefined) return;
    this.#connected.delete(guard);
    this.#news.set(news.dpuId, { ...news, online: false, atMs: this.#dependencies.clock.nowMs() });
  }

  /** A connection in the name of `clientId` was refused, or closed for cause. */
  refused(clientId: string, refusal: Refusal): void {
    const dpuId = clientId as DpuId;
    if (!this.#dependencies.plan.dpus.has(dpuId)) return;
    this.#refuse(dpuId, refusal, 1);
  }

  /** Tells the rest. What cannot be told now is found out by whoever begins after. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { store, teller, clock } = this.#dependencies;
    await this.#tell();
    await store.begin(teller, clock.nowMs()).catch(() => undefined);
  }

  #isThere(guard: Guard, news: ConnectionNews): void {
    this.#connected.set(guard, news);
    this.#news.set(news.dpuId, news);
  }

  /** Facts may come to this process after the clients that they speak of. */
  #recognize(): void {
    const { plan } = this.#dependencies;
    if (plan.factNumber === this.#factNumber) return;
    this.#factNumber = plan.factNumber;
    for (const [guard, news] of this.#unknown) {
      if (!plan.dpus.has(news.dpuId)) continue;
      this.#unknown.delete(guard);
      this.#isThere(guard, news);
    }
  }

  #refuse(dpuId: DpuId, refusal: Refusal, times: number): void {
    const ofDpu = this.#refusals.get(dpuId) ?? new Map<Refusal, number>();
    this.#refusals.set(dpuId, ofDpu.set(refusal, (ofDpu.get(refusal) ?? 0) + times));
  }

  async #tellDue(): Promise<void> {
    this.#recognize();
    const isQuiet = this.#news.size + this.#refusals.size === 0 && this.#hasBegun;
    if (isQuiet && this.#dependencies.clock.monotonicMs() - this.#toldAtMs < BEAT_MS) return;
    await this.#tell();
  }

  /** After what is being told. */
  #tell(): Promise<void> {
    const telling = (this.#telling ?? Promise.resolve()).then(() => this.#tellNow());
    this.#telling = telling;
    return telling;
  }

  async #tellNow(): Promise<void> {
    const { store, teller, clock, log } = this.#dependencies;
    const [news, refusals] = [this.#news, this.#refusals];
    this.#news = new Map();
    this.#refusals = new Map();
    this.#toldAtMs = clock.monotonicMs();
    try {
      if (!this.#hasBegun) await store.begin(teller, clock.nowMs());
      const refused = [...refusals].flatMap(([dpuId, ofDpu]) =>
        [...ofDpu].map(([reason, times]) => ({ dpuId, reason, times })),
      );
      const isKnown = await store.tell(teller, [...news.values()], refused);
      // It was taken for dead, and all its connections for over.
      if (!isKnown && this.#hasBegun) {
        const all = [...this.#connected.values()].map((one) => [one.dpuId, one] as const);
        this.#news = new Map([...all, ...this.#news]);
      }
      this.#hasBegun = true;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn({ err: error }, 'the connections of DPUs cannot be told at the moment');
      this.#isFailing = true;
      this.#news = new Map([...news, ...this.#news]);
      for (const [dpuId, ofDpu] of refusals) for (const [reason, times] of ofDpu) this.#refuse(dpuId, reason, times);
    }
  }
}
