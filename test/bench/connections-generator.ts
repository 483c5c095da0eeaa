// A part of a large fleet, a process of its own: connects with secrets from one source address, pings, publishes when told.
import { connect, type Socket } from 'node:net';
import { build } from 'hdr-histogram-js';
import { generate } from 'mqtt-packet';
import { systemClock } from '../../shared/clock.ts';
import { patchTimestamp, publishTemplate } from './publish-template.ts';

export type FleetPart = {
  readonly port: number;
  readonly localAddress: string;
  readonly keepaliveS: number;
  readonly dpus: readonly { readonly id: string; readonly secret: string }[];
};
export type FleetCommand = { readonly part: FleetPart } | { readonly publishesPerS: number; readonly seconds: number };
export type FleetReport =
  | { readonly connected: number; readonly retries: number }
  | { readonly published: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };

const CONNECTS_AT_ONCE = 500;
const RETRY_MS = 100;
const TICK_MS = 10;
const CONNACK_BYTES = 4;
const PING = generate({ cmd: 'pingreq' });

type Device = { readonly id: string; readonly socket: Socket; sentAtMs: number };

const devices: Device[] = [];
const latenciesUs = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
const buffer = Buffer.allocUnsafe(4096);
let retries = 0;

/** Resolves once the broker has accepted it; tries again until it does. */
async function open(part: FleetPart, { id, secret }: FleetPart['dpus'][number]): Promise<void> {
  const { port, localAddress, keepaliveS: keepalive } = part;
  const packet = generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: id,
    username: id,
    password: Buffer.from(secret),
    clean: true,
    keepalive,
  });
  while (!(await tryToOpen(port, localAddress, id, packet))) {
    retries += 1;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function tryToOpen(port: number, localAddress: string, id: string, packet: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    let connackBytes = 0;
    let isOpen = false;
    const onRead = (bytes: number): boolean => {
      if (isOpen) {
        answered(device, bytes);
        return true;
      }
      connackBytes += bytes;
      if (connackBytes < CONNACK_BYTES) return true;
      isOpen = buffer[bytes - 1] === 0;
      if (isOpen) devices.push(device);
      else socket.destroy();
      resolve(isOpen);
      return true;
    };
    const to = { port, host: '127.0.0.1', localAddress, noDelay: true };
    const socket = connect({ ...to, onread: { buffer, callback: onRead } });
    const device: Device = { id, socket, sentAtMs: 0 };
    socket.on('error', () => {});
    socket.on('close', () => {
      if (isOpen) throw new Error(`${id}: the broker closed the connection`);
      resolve(false);
    });
    socket.write(packet);
  });
}

/** PUBACKs have four bytes, a PINGRESP two; one of each is the most that is awaited. */
function answered(device: Device, bytes: number): void {
  if (bytes < 4 || device.sentAtMs === 0) return;
  latenciesUs.recordValue(Math.round((systemClock.monotonicMs() - device.sentAtMs) * 1000));
  device.sentAtMs = 0;
}

/** Calls `work` with the next device so often a second, until the returned function is called. */
function repeatedly(timesPerS: number, work: (device: Device) => void): () => void {
  const beganMs = systemClock.monotonicMs();
  let done = 0;
  let next = 0;
  const timer = setInterval(() => {
    const due = ((systemClock.monotonicMs() - beganMs) * timesPerS) / 1000;
    for (; done < due; done++) {
      const device = devices[next];
      if (device !== undefined) work(device);
      next = next + 1 < devices.length ? next + 1 : 0;
    }
  }, TICK_MS);
  return () => clearInterval(timer);
}

async function connectAll(part: FleetPart): Promise<void> {
  const waiting = [...part.dpus];
  const connectOneByOne = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await open(part, next);
  };
  repeatedly(part.dpus.length / part.keepaliveS, ({ socket }) => socket.write(PING));
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, connectOneByOne));
  process.send?.({ connected: devices.length, retries } satisfies FleetReport);
}

async function publish(publishesPerS: number, seconds: number): Promise<void> {
  let published = 0;
  const stop = repeatedly(publishesPerS, (device) => {
    if (device.sentAtMs !== 0) return; // Not answered yet: it waits for its turn.
    const { packet, timestampsAt } = publishTemplate(device.id, [1]);
    patchTimestamp(packet, timestampsAt[0] as number, systemClock.nowMs());
    device.sentAtMs = systemClock.monotonicMs();
    device.socket.write(packet);
    published += 1;
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  stop();
  const at = (percent: number) => latenciesUs.getValueAtPercentile(percent) / 1000;
  process.send?.({
    published,
    p50Ms: at(50),
    p99Ms: at(99),
    maxMs: latenciesUs.maxValue / 1000,
  } satisfies FleetReport);
}

process.on('message', (command: FleetCommand) => {
  if ('part' in command) void connectAll(command.part);
  else void publish(command.publishesPerS, command.seconds);
});
process.on('disconnect', () => process.exit());
