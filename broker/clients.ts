// Client ids: each has one connection, in whichever process it is; whoever comes later takes it over [MQTT-3.1.4-2].
//
//   here:  CONNECT accepted ──▶ claim ──▶ every process, in one order ──▶ an own claim comes back: it stands, CONNACK
//   there: claimed elsewhere ──▶ a connection here that stands is older: closed; one whose claim is under way is newer: stays
import type { Claims } from '../shared/claims.ts';
import type { Log } from '../shared/log.ts';
import type { Guard } from './guard.ts';

/** A fleet comes back all at once: those who come within so long are claimed together. A CONNACK may wait for it. */
const GATHER_MS = 5;
/** Takeovers are looked at this often. */
const SUMMARY_MS = 10_000;
/** An id taken over so often in that time is in the hands of two devices, which keep throwing each other out. */
const FLAPPING_TAKEOVERS = 5;
/** Ids named in a line of the log, and ids whose takeovers are counted. */
const NAMED_MAX = 10;
const COUNTED_MAX = 10_000;

export class Clients {
  readonly #claims: Claims | null;
  readonly #log: Log;
  /** Connections whose claims, if any, have come back: those that a later one takes over from. */
  readonly #standing = new Map<string, Guard>();
  /** What waits for own claims to come back, by client id, in the order of the claims. */
  readonly #underWay = new Map<string, (() => void)[]>();
  readonly #takeovers = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #unclaimed: string[] = [];
  /** Since the start: connections that gave way to a later one with the same client id. */
  takeovers = 0;

  /** `claims` null: all connections are in this process. */
  constructor(claims: Claims | null, log: Log) {
    this.#claims = claims;
    this.#log = log;
    claims?.follow((clientIds, isOwn) => {
      for (const clientId of clientIds) {
        if (isOwn) this.#comesBack(clientId);
        else this.#claimedElsewhere(clientId);
      }
    });
    this.#timer = setInterval(() => this.#reportFlapping(), SUMMARY_MS).unref();
  }

  /** The client may connect: calls `stands` when every connection with its id that was before it gives way to it. */
  admitted(guard: Guard, stands: () => void): void {
    const { clientId } = guard;
    if (this.#claims === null) return this.#takeOver(guard, stands);
    const wait = () => this.#takeOver(guard, stands);
    const underWay = this.#underWay.get(clientId);
    if (underWay === undefined) this.#underWay.set(clientId, [wait]);
    else underWay.push(wait);
    if (this.#unclaimed.length === 0) setTimeout(() => this.#claims?.claim(this.#unclaimed.splice(0)), GATHER_MS);
    this.#unclaimed.push(clientId);
  }

  /** The connection is over. */
  left(guard: Guard): void {
    if (this.#standing.get(guard.clientId) === guard) this.#standing.delete(guard.clientId);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #comesBack(clientId: string): void {
    const underWay = this.#underWay.get(clientId);
    const next = underWay?.shift();
    if (underWay?.length === 0) this.#underWay.delete(clientId);
    next?.();
  }

  #takeOver(guard: Guard, stands: () => void): void {
    const { clientId } = guard;
    const before = this.#standing.get(clientId);
    if (!guard.destroyed) this.#standing.set(clientId, guard);
    if (before !== undefined) {
      this.#count(clientId);
      giveWay(before);
    }
    stands();
  }

  #claimedElsewhere(clientId: string): void {
    const guard = this.#standing.get(clientId);
    if (guard === undefined) return;
    this.#count(clientId);
    giveWay(guard);
  }

  #count(clientId: string): void {
    this.takeovers += 1;
    const counted = this.#takeovers.get(clientId) ?? 0;
    if (counted > 0 || this.#takeovers.size < COUNTED_MAX) this.#takeovers.set(clientId, counted + 1);
  }

  #reportFlapping(): void {
    const flapping = [...this.#takeovers].filter(([, count]) => count >= FLAPPING_TAKEOVERS);
    this.#takeovers.clear();
    if (flapping.length === 0) return;
    const named = flapping.slice(0, NAMED_MAX).map(([clientId, takeovers]) => ({ clientId, takeovers }));
    this.#log.warn(
      { clientIds: flapping.length, named, withinMs: SUMMARY_MS },
      'connections with the same client id keep taking over from each other; do two devices share a client id?',
    );
  }
}

/** The client is told, where its version can be. */
function giveWay(guard: Guard): void {
  guard.refuse('taken_over', 'its client id has connected again');
}
