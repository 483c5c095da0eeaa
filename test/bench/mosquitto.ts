// mosquitto, the peer of the publish figures, on a free port with all limits lifted. It stores nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryDir } from '../support/temporary-dir.ts';

export type Mosquitto = { readonly port: number; readonly pid: number; stop(): void };

/** Starts it and resolves once it takes connections; null when it is not installed. */
export async function startMosquitto(): Promise<Mosquitto | null> {
  const port = await freePort();
  const file = join(temporaryDir(), 'mosquitto.conf');
  writeFileSync(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\nlog_type none\n`,
  );
  const child = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const missing = new Promise<'missing'>((resolve) => child.once('error', () => resolve('missing')));
  if ((await Promise.race([missing, accepting(child, port)])) === 'missing') return null;
  return { port, pid: child.pid as number, stop: () => child.kill('SIGTERM') };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function accepting(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`mosquitto ended with ${child.exitCode}`);
}
