// What the load generator is to do, as a file: ready-made packets of each device, and where packet id and timestamps stand in them.
import { writeFileSync } from 'node:fs';
import type { PublishTemplate } from '../publish-template.ts';

export type Device = {
  readonly name: string;
  readonly connect: Buffer;
  /** Take turns, one a message; each with as many timestamps as the job's messages have events. */
  readonly variants: readonly PublishTemplate[];
};

export type GeneratorJob = {
  readonly port: number;
  /** IPv4 as a number, 0: any. Each has some 28,000 ports of its own. */
  readonly sourceAddress: number;
  readonly eventsPerMessage: number;
  readonly messagesPerConnection: number;
  readonly warmUpPerConnection: number;
  readonly inFlightPerConnection: number;
  readonly connectsAtOnce: number;
  /** A refused connection is tried again. */
  readonly isPatient: boolean;
  readonly backlog: { readonly firstMs: number; readonly stepMs: number } | null;
  readonly periodMs: number;
  readonly pingsPerS: number;
  readonly devices: readonly Device[];
};

const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
};
const f64 = (...values: number[]) => {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeDoubleLE(value, 8 * index);
  return bytes;
};

/** In the order in which job.h reads it. */
export function writeJobFile(path: string, job: GeneratorJob): void {
  const { backlog, devices } = job;
  const variants = devices[0]?.variants.length ?? 0;
  const pieces: Buffer[] = [
    u32(job.port, job.sourceAddress, devices.length, variants, job.eventsPerMessage, job.messagesPerConnection),
    u32(job.warmUpPerConnection, job.inFlightPerConnection, job.connectsAtOnce, Number(job.isPatient)),
    u32(Number(backlog !== null)),
    f64(job.periodMs, backlog?.firstMs ?? 0, backlog?.stepMs ?? 0, job.pingsPerS),
  ];
  for (const { name, connect, variants } of devices) {
    pieces.push(u32(Buffer.byteLength(name)), Buffer.from(name), u32(connect.length), connect);
    for (const { packet, idAt, timestampsAt } of variants) {
      pieces.push(u32(idAt, ...timestampsAt, packet.length), packet);
    }
  }
  writeFileSync(path, Buffer.concat(pieces));
}
