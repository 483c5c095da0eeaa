// A mosquitto for tests, on a free port with a folder of its own: the broker that somebody else runs.
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, isOnPath, type Server, startServer } from './servers.ts';
import { temporaryDir } from './temporary-dir.ts';

export type Mosquitto = Server & {
  /** Where it keeps what has to outlive it. */
  readonly storePath: string;
};

/** Why there is none on this machine, as a sentence; null: it can be started. */
export function whyNoMosquitto(): string | null {
  return isOnPath('mosquitto') ? null : 'mosquitto is not on the PATH (Debian package mosquitto)';
}

/** It keeps sessions over a restart, as far as it has saved them, and drops nothing. `settings`: more lines of its configuration. */
export async function startMosquitto(settings: readonly string[] = ['allow_anonymous true']): Promise<Mosquitto> {
  const port = await freePort();
  const dir = temporaryDir();
  const lines = [
    'per_listener_settings false',
    `listener ${port} 127.0.0.1`,
    'persistence true',
    `persistence_location ${dir}/`,
    'max_queued_messages 0',
    'set_tcp_nodelay true',
    // As root it would give itself to a user who may not write to the folder.
    'user root',
    ...settings,
  ];
  const file = join(dir, 'mosquitto.conf');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const at = { url: `mqtt://127.0.0.1:${port}`, port };
  const server = await startServer('mosquitto', ['-c', file], at, () => takesConnections(port));
  return Object.assign(server, { storePath: join(dir, 'mosquitto.db') });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => resolve(false));
  });
}
