// The command desk of one broker process: brings waiting commands to whoever subscribes to those of a DPU, one after the other.
//
//   queued somewhere ──told──▶ subscribed here? ──▶ oldest that waits ──PUBLISH──▶ DPU ──PUBACK──▶ noted as delivered ──▶ next
//   DPU subscribes ────────────────┘                    └─ refused, or no PUBACK before the connection ends: waits for the next one
// A subscription with QoS 0 has no PUBACK: what waits is sent once a connection, and goes on waiting until it expires.
import type { Clock } from '../shared/clock.ts';
import { TemporaryStorageError } from '../shared/errors.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import { type Command, type CommandStore, stateOf } from '../shared/storage/commands.ts';
import type { Guard } from './guard.ts';
import { Mailbox } from './mailbox.ts';
import { encodePublish } from './publish-frame.ts';
import type { Publisher, Subscribed } from './subscriptions.ts';
import { dpuOfCommandsFilter } from './topics.ts';

/** Between tries while the store is away. */
const RETRY_MS = 1_000;

type Listener = Subscribed & {
  readonly dpuId: DpuId;
  /** Ids of what was sent with QoS 0, or is too long for the client, or refused by it. */
  readonly sent: Set<string>;
  isOver: boolean;
  isBusy: boolean;
  /** More was queued while it was busy. */
  isMore: boolean;
};

export type CommandDeskDependencies = {
  readonly store: Pick<CommandStore, 'list' | 'delivered' | 'since' | 'follow'>;
  readonly clock: Clock;
  readonly log: Log;
};

export class CommandDesk implements Publisher {
  readonly #dependencies: CommandDeskDependencies;
  readonly #listeners = new Map<DpuId, Set<Listener>>();
  /** Of each connection: its subscriptions, and what it is sent through. */
  readonly #connections = new Map<Guard, { readonly listeners: Set<Listener>; readonly mailbox: Mailbox }>();
  /** Commands up to this number have been told of. */
  #told: number;
  #isLooking = false;
  #isMore = false;

  private constructor(dependencies: CommandDeskDependencies, told: number) {
    this.#dependencies = dependencies;
    this.#told = told;
  }

  static async open(dependencies: CommandDeskDependencies): Promise<CommandDesk> {
    const { store } = dependencies;
    const desk = new CommandDesk(dependencies, (await store.since(null)).number);
    await store.follow(() => void desk.#look());
    return desk;
  }

  subscribed(subscribed: Subscribed): void {
    const { guard, filter } = subscribed;
    const dpuId = dpuOfCommandsFilter(filter);
    if (dpuId === null || guard.destroyed) return;
    this.unsubscribed(guard, filter);
    const listener = { ...subscribed, dpuId, sent: new Set<string>(), isOver: false, isBusy: false, isMore: false };
    const listeners = this.#listeners.get(dpuId) ?? new Set();
    this.#listeners.set(dpuId, listeners.add(listener));
    const connection = this.#connections.get(guard) ?? this.#connected(guard);
    connection.listeners.add(listener);
    void this.#serve(listener);
  }

  unsubscribed(guard: Guard, filter: string): void {
    const dpuId = dpuOfCommandsFilter(filter);
    if (dpuId === null) return;
    for (const listener of this.#listeners.get(dpuId) ?? []) if (listener.guard === guard) this.#end(listener);
  }

  #connected(guard: Guard) {
    const connection = { listeners: new Set<Listener>(), mailbox: new Mailbox(guard) };
    this.#connections.set(guard, connection);
    guard.once('close', () => {
      this.#connections.delete(guard);
      for (const listener of connection.listeners) this.#end(listener);
    });
    return connection;
  }

  #end(listener: Listener): void {
    listener.isOver = true;
    this.#connections.get(listener.guard)?.listeners.delete(listener);
    const listeners = this.#listeners.get(listener.dpuId);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(listener.dpuId);
  }

  /** Once at a time, and once more for what was queued meanwhile; what fails is looked up at the next call. */
  async #look(): Promise<void> {
    this.#isMore = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#isMore) {
        this.#isMore = false;
        const { number, dpuIds } = await this.#dependencies.store.since(this.#told);
        this.#told = number;
        for (const dpuId of dpuIds) for (const listener of this.#listeners.get(dpuId) ?? []) void this.#serve(listener);
      }
    } catch (error) {
      this.#dependencies.log.debug({ err: error }, 'commands wait until they can be read');
    } finally {
      this.#isLooking = false;
    }
  }

  async #serve(listener: Listener): Promise<void> {
    listener.isMore = true;
    if (listener.isBusy) return;
    listener.isBusy = true;
    try {
      while (listener.isMore && !listener.isOver) {
        listener.isMore = false;
        const next = await this.#next(listener);
        if (next !== undefined && !listener.isOver) listener.isMore = await this.#bring(listener, next);
      }
    } catch (error) {
      const { log } = this.#dependencies;
      if (error instanceof TemporaryStorageError) log.debug({ err: error }, 'commands wait until they can be read');
      else log.error({ err: error, dpu: listener.dpuId }, 'commands cannot be delivered');
      setTimeout(() => void this.#serve(listener), RETRY_MS).unref();
    } finally {
      listener.isBusy = false;
    }
  }

  async #next({ dpuId, sent }: Listener): Promise<Command | undefined> {
    const { store, clock } = this.#dependencies;
    const commands = await store.list(dpuId);
    return commands.find((command) => stateOf(command, clock.nowMs()) === 'queued' && !sent.has(command.id));
  }

  /** True: the next one may follow. */
  async #bring(listener: Listener, { id, payload }: Command): Promise<boolean> {
    const { guard, filter: topic, dpuId, qos, sent } = listener;
    if (!listener.isAllowed()) return false;
    if (qos === 0) {
      sent.add(id);
      guard.send(encodePublish({ topic, payload, isRetained: false, packetId: null }, guard.connect?.level));
      return true;
    }
    const mailbox = this.#connections.get(guard)?.mailbox;
    if (mailbox === undefined) return false;
    if (!(await mailbox.deliver(topic, payload))) {
      // Too long for it, or refused by it: what comes after need not wait.
      sent.add(id);
      return !guard.destroyed;
    }
    const { store, clock } = this.#dependencies;
    const deliveredAtMs = clock.nowMs();
    // Not noted, it is brought again: once more is better than never.
    await store.delivered(dpuId, id, deliveredAtMs);
    return true;
  }
}
