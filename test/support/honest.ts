// Starts honest DPUs in a process of their own and asks what they have seen.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Seen } from './honest-dpus.ts';

export type Honest = {
  /** What they have seen since they were asked last. */
  seen(): Promise<Seen>;
  /** Throws when one of them was refused or cut off. */
  stop(): Promise<void>;
};

export async function startHonest(port: number, connections: number, restMs: number, password = ''): Promise<Honest> {
  const parameters = [port, connections, restMs, password].map(String);
  const child = fork(join(import.meta.dirname, 'honest-dpus.ts'), parameters);
  let ended: number | null = null;
  child.on('exit', (code) => {
    ended = code ?? -1;
  });
  const alive = () => {
    if (ended !== null) throw new Error(`the honest DPUs ended with ${ended}: one of them was refused or cut off`);
  };
  await Promise.race([once(child, 'message'), once(child, 'exit')]);
  alive();
  return {
    seen: async () => {
      alive();
      child.send('seen');
      const [seen] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
      alive();
      return seen as Seen;
    },
    stop: async () => {
      alive();
      child.disconnect();
      if (ended === null) await once(child, 'exit');
    },
  };
}
