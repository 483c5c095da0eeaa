// Publishes events over MQTT QoS 1 in the order of the calls, many in flight, and goes on after the service was away.
import { randomBytes } from 'node:crypto';
import { unreachable } from './api-client.ts';
import { CommandFailure } from './command.ts';

export type Publisher = {
  /** Resolves when there is room for the next one, not when this one is acknowledged. */
  publish(dpuId: string, payload: string): Promise<void>;
  /** Resolves when everything published is acknowledged, which is: stored. */
  drained(): Promise<void>;
  readonly acknowledged: number;
  close(): Promise<void>;
};

/** Unacknowledged publishes at a time: enough to keep the service's group commits full. */
const IN_FLIGHT_MAX = 1_000;
/** How long a lost connection may take to come back before it is given up. */
const AWAY_MAX_MS = 60_000;
const RECONNECT_MS = 500;

/** Connects to the broker at `url`; `key`, where one is needed, goes as the password. */
export async function openPublisher(url: string, key: string | undefined): Promise<Publisher> {
  const { connectAsync } = await import('mqtt');
  const clientId = `footfall-${randomBytes(6).toString('hex')}`;
  const credentials = key === undefined ? {} : { username: clientId, password: key };
  const options = { clientId, clean: true, reconnectPeriod: RECONNECT_MS, connectTimeout: 10_000, ...credentials };
  const client = await connectAsync(url, options, false).catch((error) => {
    throw new CommandFailure(unreachable(url, error, '--mqtt'));
  });
  let inFlight = 0;
  let acknowledged = 0;
  let failure: Error | null = null;
  let waiting: (() => void)[] = [];
  let away: NodeJS.Timeout | undefined;

  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resume of woken) resume();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (failure === null && !holds()) await new Promise<void>((resolve) => waiting.push(resolve));
    if (failure !== null) throw failure;
  };
  client.on('error', () => {}); // Reconnecting is the answer; `away` ends it.
  client.on('connect', () => {
    clearTimeout(away);
    away = undefined;
  });
  client.on('close', () => {
    away ??= setTimeout(() => {
      failure = new CommandFailure(
        `${url} went away after ${acknowledged} acknowledged events and did not come back; run the same again, repeats are harmless`,
      );
      wake();
    }, AWAY_MAX_MS);
  });
  return {
    publish: async (dpuId, payload) => {
      inFlight += 1;
      client.publish(`dpu/${dpuId}/events`, payload, { qos: 1 }, (error) => {
        inFlight -= 1;
        if (error) failure ??= new CommandFailure(`${url} refused a publish: ${error.message}`);
        else acknowledged += 1;
        wake();
      });
      await until(() => inFlight < IN_FLIGHT_MAX);
    },
    drained: () => until(() => inFlight === 0),
    get acknowledged() {
      return acknowledged;
    },
    close: async () => {
      await client.endAsync(inFlight > 0);
      clearTimeout(away);
    },
  };
}
