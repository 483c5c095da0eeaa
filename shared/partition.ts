// Partitions: which one the events of a DPU go to, and which one's owner keeps the rollups of a space.

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** In [0, partitions); FNV-1a of 32 bits (Fowler, Noll, Vo) over the id's characters, which are ASCII. */
export function partitionOf(id: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = FNV_OFFSET;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), FNV_PRIME);
  return (hash >>> 0) % partitions;
}
