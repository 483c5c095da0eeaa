// Runs the load generator against a broker: devices that connect, publish so many messages each, and wait for all acknowledgements.
import { generate } from 'mqtt-packet';
import { Generator } from './generator/run.ts';
import { directionOf, publishTemplate } from './publish-template.ts';

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
  /** Processor time of the generator. */
  readonly cpuMs: number;
};

const CONNECTS_AT_ONCE = 50;

/** Connects all devices, calls `connected`, publishes everything, and answers once the last message is acknowledged. */
export async function runLoad(job: Job, connected: () => void = () => {}): Promise<Result> {
  const { dpuIds, messagesPerConnection, warmUpPerConnection, eventsPerMessage } = job;
  using generator = Generator.start({
    ...job,
    sourceAddress: 0,
    connectsAtOnce: CONNECTS_AT_ONCE,
    isPatient: false,
    pingsPerS: 0,
    periodMs: job.periodMs ?? 0,
    devices: dpuIds.map((dpuId) => ({
      name: dpuId,
      connect: connectPacket(dpuId),
      variants: variantsOf(dpuId, eventsPerMessage),
    })),
  });
  await generator.connected();
  connected();
  const { messages, elapsedMs, cpuMs, p50Ms, p99Ms, maxMs } = await generator.run();
  const measured = (messagesPerConnection - warmUpPerConnection) * dpuIds.length;
  return {
    ...{ messages, elapsedMs, cpuMs, messagesPerSecond: (measured * 1000) / elapsedMs },
    ...{ latencyMsP50: p50Ms, latencyMsP99: p99Ms, latencyMsMax: maxMs },
  };
}

function connectPacket(clientId: string): Buffer {
  return generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: true, keepalive: 0 });
}

/** One event a message: two in, one out, in turn. Several: the same in each message. */
function variantsOf(dpuId: string, eventsPerMessage: number) {
  const positions = Array.from({ length: eventsPerMessage }, (_, position) => position);
  const variants = eventsPerMessage === 1 ? [[0], [1], [2]] : [positions];
  return variants.map((indexes) => publishTemplate(dpuId, indexes.map(directionOf)));
}
