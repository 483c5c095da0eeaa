// Room on a disk: how much is free, and below how much nothing more is acknowledged, so that what is stored can be processed.
import { statfsSync } from 'node:fs';

/** Appends stop while less than the lesser of these is free. */
const FREE_SHARE_MIN = 0.05;
const FREE_BYTES_MIN = 2 * 1024 ** 3;

export type DiskRoom = { readonly freeBytes: number; readonly neededBytes: number };

/** Of the disk that `folder` is on. */
export function roomOn(folder: string): DiskRoom {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, neededBytes: Math.min(blocks * bsize * FREE_SHARE_MIN, FREE_BYTES_MIN) };
}

/** `bytes` for people. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
