// The load generator, a process of its own: many MQTT connections over bare sockets, each with a fixed number of QoS 1
// publishes unacknowledged. Takes a job as its only argument, says `connected`, begins at `go`, answers with the result.
import { connect, type Socket } from 'node:net';
import { build } from 'hdr-histogram-js';
import { generate } from 'mqtt-packet';
import { systemClock } from '../../shared/clock.ts';
import { directionOf, type PublishTemplate, patchTimestamp, publishTemplate } from './publish-template.ts';

export type Job = {
  readonly port: number;
  readonly dpuIds: readonly string[];
  /** Those of the warm-up included. */
  readonly messagesPerConnection: number;
  /** So many of each connection's first messages are in no figure: nothing is compiled yet. */
  readonly warmUpPerConnection: number;
  readonly eventsPerMessage: number;
  readonly inFlightPerConnection: number;
  /** Events of a device: from `firstMs` on, `stepMs` apart; null: now. */
  readonly backlog: { readonly firstMs: number; readonly stepMs: number } | null;
  /** A device sends so often, later only while it waits for acknowledgements; absent or null: as fast as it goes. */
  readonly periodMs?: number | null;
};

export type Result = {
  /** All of them; the figures below are of those after the warm-up. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly elapsedMs: number;
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
  readonly latencyMsMax: number;
  readonly cpuMs: number;
};

const CONNECTS_AT_ONCE = 50;
const CONNACK_BYTES = 4;
const PUBACK_BYTES = 4;

const job = JSON.parse(process.argv[2] as string) as Job;
const latenciesUs = build({
  lowestDiscernibleValue: 1,
  highestTrackableValue: 60_000_000,
  numberOfSignificantValueDigits: 3,
});
const starts: (() => void)[] = [];
let devicesLeft = job.dpuIds.length;
let startedMs = 0;
let ackedByAll = 0;
let cpuBeforeMs = 0;

/** Opens the connection of one device; calls `opened` once the broker has accepted it. */
function openDevice(dpuId: string, opened: () => void): void {
  const sentAtMs = new Float64Array(job.inFlightPerConnection);
  const templates = templatesOf(dpuId);
  let connackBytes = 0;
  let ackBytes = 0;
  let acked = 0;
  let sent = 0;
  let lastMs = 0;
  let dueMs = 0;
  const number = starts.length;
  const socket = connect({
    port: job.port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer: Buffer.allocUnsafe(4096), callback: onRead },
  });
  socket.on('error', (error) => fail(`${dpuId}: ${error.message}`));
  socket.on('close', () => acked < job.messagesPerConnection && fail(`${dpuId}: the broker closed the connection`));
  socket.write(
    generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: dpuId, clean: true, keepalive: 0 }),
  );
  starts.push(() => {
    const nowMs = systemClock.monotonicMs();
    // Spread over the first period, as devices are that know nothing of each other.
    dueMs = nowMs + (number / job.dpuIds.length - 1) * (job.periodMs ?? 0);
    sendWhenDue(job.inFlightPerConnection, nowMs);
  });

  function onRead(bytes: number, buffer: Uint8Array): boolean {
    if (connackBytes < CONNACK_BYTES) {
      connackBytes += bytes;
      if (connackBytes === CONNACK_BYTES) {
        if (buffer[bytes - 1] !== 0) fail(`${dpuId}: CONNECT refused`);
        opened();
      }
      return true;
    }
    ackBytes += bytes;
    const nowMs = systemClock.monotonicMs();
    let freed = 0;
    for (; (acked + 1) * PUBACK_BYTES <= ackBytes; acked++, freed++) {
      if (acked < job.warmUpPerConnection) continue;
      latenciesUs.recordValue(Math.round((nowMs - (sentAtMs[acked % sentAtMs.length] as number)) * 1000));
    }
    sendWhenDue(freed, nowMs);
    countAcks(freed, nowMs);
    if (acked === job.messagesPerConnection) finishDevice(socket);
    return true;
  }

  function sendWhenDue(count: number, nowMs: number): void {
    if (job.periodMs === undefined || job.periodMs === null) return send(count, nowMs);
    for (let left = count; left > 0; left--) {
      dueMs += job.periodMs;
      if (dueMs <= nowMs) send(1, nowMs);
      else setTimeout(() => send(1, systemClock.monotonicMs()), dueMs - nowMs);
    }
  }

  function send(count: number, nowMs: number): void {
    for (let left = Math.min(count, job.messagesPerConnection - sent); left > 0; left--) {
      const slot = sent % sentAtMs.length;
      const variants = templates[slot] as PublishTemplate[];
      const { packet, idAt, timestampsAt } = variants[sent % variants.length] as PublishTemplate;
      packet.writeUInt16BE(1 + (sent % 65_535), idAt);
      for (const [index, at] of timestampsAt.entries()) patchTimestamp(packet, at, nextTimestampMs(index));
      sentAtMs[slot] = nowMs;
      socket.write(packet);
      sent += 1;
    }
  }

  function nextTimestampMs(index: number): number {
    if (job.backlog !== null) {
      return job.backlog.firstMs + (sent * job.eventsPerMessage + index) * job.backlog.stepMs;
    }
    lastMs = Math.max(systemClock.nowMs(), lastMs + 1);
    return lastMs;
  }
}

/** The measured part begins when as many messages are acknowledged as the warm-up has. */
function countAcks(acks: number, nowMs: number): void {
  const warmUp = job.dpuIds.length * job.warmUpPerConnection;
  if (ackedByAll < warmUp && ackedByAll + acks >= warmUp) begin(nowMs);
  ackedByAll += acks;
}

function begin(nowMs: number): void {
  startedMs = nowMs;
  cpuBeforeMs = usedMs();
}

function usedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Packets for each slot in flight (a packet is written again only once it is acknowledged), in the variants that take turns. */
function templatesOf(dpuId: string): PublishTemplate[][] {
  const positions = Array.from({ length: job.eventsPerMessage }, (_, position) => position);
  const variants = job.eventsPerMessage === 1 ? [[0], [1], [2]] : [positions];
  return Array.from({ length: job.inFlightPerConnection }, () =>
    variants.map((indexes) => publishTemplate(dpuId, indexes.map(directionOf))),
  );
}

function finishDevice(socket: Socket): void {
  socket.end(generate({ cmd: 'disconnect' }));
  devicesLeft -= 1;
  if (devicesLeft > 0) return;
  const messages = job.dpuIds.length * job.messagesPerConnection;
  const measured = messages - job.dpuIds.length * job.warmUpPerConnection;
  const elapsedMs = systemClock.monotonicMs() - startedMs;
  const result: Result = {
    messages,
    messagesPerSecond: (measured * 1000) / elapsedMs,
    elapsedMs,
    latencyMsP50: latenciesUs.getValueAtPercentile(50) / 1000,
    latencyMsP99: latenciesUs.getValueAtPercentile(99) / 1000,
    latencyMsMax: latenciesUs.maxValue / 1000,
    cpuMs: usedMs() - cpuBeforeMs,
  };
  process.send?.({ result });
  process.disconnect?.();
}

/** Ends the process: a figure with some of its devices missing would be no figure. */
function fail(reason: string): never {
  throw new Error(reason);
}

function openAll(): void {
  const waiting = [...job.dpuIds];
  let toOpen = waiting.length;
  const next = (): void => {
    const dpuId = waiting.shift();
    if (dpuId === undefined) return;
    openDevice(dpuId, () => {
      toOpen -= 1;
      if (toOpen === 0) process.send?.('connected');
      next();
    });
  };
  for (let index = 0; index < CONNECTS_AT_ONCE; index++) next();
}

process.on('message', () => {
  begin(systemClock.monotonicMs());
  for (const start of starts) start();
});
openAll();
