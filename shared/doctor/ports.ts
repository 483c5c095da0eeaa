// The ports that are configured: free, or taken by footfall itself.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Check, failing, fine } from '../check.ts';
import type { Config } from '../config.ts';

const ANSWER_TIMEOUT_MS = 2_000;

type Door = { readonly name: string; readonly host: string; readonly port: number };

/** True when a footfall answers where the HTTP port is. */
export async function isRunning({ httpHost, httpPort }: Pick<Config, 'httpHost' | 'httpPort'>): Promise<boolean> {
  if (httpPort === 0) return false;
  const host = ['0.0.0.0', '::'].includes(httpHost) ? '127.0.0.1' : httpHost;
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const answer = await fetch(`http://${host}:${httpPort}/openapi.json`, { signal }).catch(() => null);
  const document = (await answer?.json().catch(() => null)) as { info?: { title?: string } } | null | undefined;
  return document?.info?.title === 'footfall';
}

/** `running`: a footfall answers, so that ports which are taken may be its own. */
export async function checkPorts(config: Config, running: boolean): Promise<Check[]> {
  return Promise.all(doorsOf(config).map((door) => checkPort(door, running)));
}

function doorsOf({ httpHost, httpPort, mqttHost, mqttPort, mqttWsPort, tls, metrics }: Config): Door[] {
  const doors: Door[] = [
    { name: 'HTTP', host: httpHost, port: httpPort },
    { name: 'MQTT', host: mqttHost, port: mqttPort },
  ];
  if (mqttWsPort !== null) doors.push({ name: 'MQTT_WS', host: mqttHost, port: mqttWsPort });
  if (tls !== null) doors.push({ name: 'MQTTS', host: tls.host, port: tls.port });
  if (metrics !== null) doors.push({ name: 'METRICS', ...metrics });
  return doors;
}

async function checkPort({ name, host, port }: Door, running: boolean): Promise<Check> {
  const check = `port ${name}`;
  const server = createServer();
  try {
    await once(server.listen(port, host), 'listening');
    return fine(check, port === 0 ? 'a free one is taken at the start' : `${host}:${port} is free`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = `${host}:${port}`;
    if (code === 'EADDRINUSE' && running) return fine(check, `${where} is taken, and a footfall runs here`);
    if (code === 'EADDRINUSE') {
      return failing(check, `${where} is taken by another program`, `end that one, or set FOOTFALL_${name}_PORT`);
    }
    if (code === 'EACCES') {
      return failing(check, `${where} needs more rights`, `set FOOTFALL_${name}_PORT above 1023`);
    }
    return failing(
      check,
      `${where}: ${(error as Error).message}`,
      `set FOOTFALL_${name}_HOST to an address of this machine`,
    );
  } finally {
    server.close();
  }
}
