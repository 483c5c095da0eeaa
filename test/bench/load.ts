// Runs the load generator against a broker, in a process of its own.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Job, Result } from './generator.ts';

type Message = 'connected' | { result: Result };

/** Connects all devices, calls `connected`, publishes everything, and answers once the last message is acknowledged. */
export function runLoad(job: Job, connected: () => void = () => {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'generator.ts'), [JSON.stringify(job)]);
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.on('message', (message: Message) => {
      if (message === 'connected') {
        connected();
        child.send('go');
      } else resolve(message.result);
    });
    child.on('exit', (code) => {
      process.off('exit', kill);
      reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
