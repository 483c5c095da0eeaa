// The gateway: events of a fleet that keeps its MQTT broker are consumed there, and acknowledged once they are in the journal.
//
//   DPU ──▶ other broker ──PUBLISH──▶ gateway ──▶ ingest ──append──▶ journal
//                        ◀──PUBACK── (after the append is durable)
//
// The other broker keeps the session, and with it what is not acknowledged, while footfall is away. One connection a service:
// it is not what limits, and sessions of workers that are gone would keep their share of the messages for ever.
import { readFileSync } from 'node:fs';
import { connect as connectPlain, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { type Check, warning } from '../shared/check.ts';
import type { GatewayConfig } from '../shared/gateway-config.ts';
import type { Log } from '../shared/log.ts';
import { counter, gauge, type Reading } from '../shared/metrics/reading.ts';
import { type Ended, filterOf, type Version } from './gateway-packets.ts';
import { GatewaySession, type SessionDependencies } from './gateway-session.ts';
import { LIMITS } from './limits.ts';

/** Between tries: at first. Each is twice the one before, and up to half as long again by chance. */
const REST_MS_MIN = 100;
/** At most, while the other broker is away: it may have forgotten the subscription, and drops what comes before the next one. */
const REST_AWAY_MS_MAX = 1_000;
/** At most, after it has refused: somebody has to do something first. */
const REST_REFUSED_MS_MAX = 30_000;
/** Resumed sessions that ended soon, without a failed try in between: brokers seldom say that another client has come. */
const CONTENDED_AFTER = 3;
const CONTENDED = '; if another footfall uses this client id, give each a FOOTFALL_GATEWAY_CLIENT_ID of its own';
/** A connection that lived so long was a good one: the next rest is short again. */
const LIFE_MS_GOOD = 10_000;

export type GatewayDependencies = SessionDependencies & { readonly log: Log };

/** What is told of a gateway; counters since the start. */
export type GatewayStatus = {
  readonly isConnected: boolean;
  /** Why it is not; null: it is, or has not been yet. */
  readonly why: string | null;
  readonly acknowledged: number;
  readonly connects: number;
};

export type Gateway = {
  status(): GatewayStatus;
  measure(): Reading[];
  /** A warning while events are not consumed: footfall takes all others, and answers. */
  check(): Check;
  /** Acknowledges what is being stored (5 s at most), then ends the connection. */
  close(): Promise<void>;
};

/** Consumes from the broker in `config`, and connects again for as long as it takes. */
export function openGateway(dependencies: GatewayDependencies, config: GatewayConfig): Gateway {
  return new ReconnectingGateway(dependencies, config);
}

class ReconnectingGateway implements Gateway {
  readonly #dependencies: GatewayDependencies;
  readonly #config: GatewayConfig;
  readonly #where: { readonly broker: string; readonly clientId: string };
  #session: GatewaySession | null = null;
  #version: Version = 5;
  #status = { isConnected: false, why: null as string | null, acknowledged: 0, connects: 0 };
  #restMs = REST_MS_MIN;
  #openedAtMs = 0;
  /** In a row. */
  #shortLives = 0;
  /** Told once, however often it is tried. */
  #toldWhy: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closing = false;

  constructor(dependencies: GatewayDependencies, config: GatewayConfig) {
    this.#dependencies = dependencies;
    this.#config = config;
    this.#where = { broker: `${config.host}:${config.port}`, clientId: config.clientId };
    this.#connect();
  }

  status(): GatewayStatus {
    return { ...this.#status };
  }

  check(): Check {
    const { isConnected, why } = this.#status;
    if (isConnected) return { name: 'gateway', state: 'ok', detail: null, action: null };
    const detail = `events are not consumed from the other broker: ${why ?? 'it has not answered yet'}`;
    return warning(
      'gateway',
      detail,
      'do what it says, over there or in FOOTFALL_GATEWAY_URL; it is tried again by itself',
    );
  }

  measure(): Reading[] {
    const { isConnected, connects, acknowledged } = this.#status;
    return [
      gauge('footfall_gateway_connected', 'Whether events are consumed from the other broker', Number(isConnected)),
      counter('footfall_gateway_connects_total', 'How often consuming began', connects),
      counter('footfall_gateway_acknowledged_total', 'Messages stored and acknowledged to it', acknowledged),
    ];
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#session?.close(LIMITS.closeTimeoutMs);
  }

  #connect(): void {
    const owner = {
      opened: (isResumed: boolean) => this.#opened(isResumed),
      acknowledged: (count: number) => {
        this.#status.acknowledged += count;
      },
      ended: (ended: Ended) => this.#ended(ended),
    };
    try {
      const socket = openSocket(this.#config);
      this.#session = new GatewaySession(this.#dependencies, socket, this.#config, this.#version, owner);
    } catch (error) {
      // A certificate that cannot be read.
      this.#ended({ why: (error as Error).message, isRefused: true, isVersion: false });
    }
  }

  #opened(isResumed: boolean): void {
    const { clock, log } = this.#dependencies;
    this.#openedAtMs = clock.monotonicMs();
    if (!isResumed) this.#shortLives = 0;
    const isForgotten = !isResumed && this.#status.connects > 0;
    this.#status = { ...this.#status, isConnected: true, why: null, connects: this.#status.connects + 1 };
    const filter = filterOf(this.#config);
    log.info(
      { ...this.#where, filter, mqtt: this.#version, isResumed },
      'gateway: events are consumed from another broker',
    );
    if (!isForgotten) return;
    log.warn(
      this.#where,
      'gateway: the other broker has forgotten the session, and with it what it had not delivered yet',
    );
  }

  #ended(ended: Ended): void {
    const { clock, log } = this.#dependencies;
    const wasGood = this.#status.isConnected && clock.monotonicMs() - this.#openedAtMs > LIFE_MS_GOOD;
    this.#shortLives = this.#status.isConnected && !wasGood ? this.#shortLives + 1 : 0;
    if (wasGood) {
      this.#restMs = REST_MS_MIN;
      this.#toldWhy = null;
    }
    const isContended = this.#shortLives >= CONTENDED_AFTER && !ended.isRefused;
    const why = isContended ? ended.why + CONTENDED : ended.why;
    this.#status = { ...this.#status, isConnected: false, why };
    this.#session = null;
    if (this.#closing) return;
    if (ended.isVersion && this.#version === 5) {
      this.#version = 4;
      return this.#connect();
    }
    const nextTryMs = this.#rest(ended.isRefused ? REST_REFUSED_MS_MAX : REST_AWAY_MS_MAX);
    const isNews = ended.isRefused || why !== this.#toldWhy;
    const level = !isNews ? 'debug' : ended.isRefused || isContended ? 'error' : 'warn';
    this.#toldWhy = why;
    log[level]({ ...this.#where, why, nextTryMs }, 'gateway: no connection to the other broker; it is tried again');
    this.#timer = setTimeout(() => this.#connect(), nextTryMs);
  }

  /** How long to wait now; the next time it is twice as long, up to `most`. */
  #rest(most: number): number {
    const restMs = Math.min(this.#restMs, most);
    this.#restMs = 2 * restMs;
    return Math.round(restMs * (1 + Math.random() / 2));
  }
}

function openSocket({ host, port, tls }: GatewayConfig): Duplex {
  if (tls === null) return connectPlain({ host, port, noDelay: true });
  const read = (path: string | null) => (path === null ? undefined : readFileSync(path));
  const files = { ca: read(tls.caPath), cert: read(tls.certPath), key: read(tls.keyPath) };
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({
    host,
    port,
    ...servername,
    ...Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined)),
  });
  return socket.setNoDelay(true);
}
