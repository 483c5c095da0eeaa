// A mosquitto that holds messages for a consumer that is away: what consumers are measured with.
import { connectAsync } from 'mqtt';
import { runLoad } from './load.ts';
import { type Mosquitto, startMosquitto } from './mosquitto.ts';

/** Whose session it is. */
export const CLIENT_ID = 'consumer';
export const FILTER = 'dpu/+/events';

/** Null: mosquitto is not installed. */
export async function startBacklog(dpuIds: readonly string[], messagesPerDpu: number): Promise<Mosquitto | null> {
  const mosquitto = await startMosquitto();
  if (mosquitto === null) return null;
  const session = await connectAsync({
    port: mosquitto.port,
    host: '127.0.0.1',
    clientId: CLIENT_ID,
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
  });
  await session.subscribeAsync(FILTER, { qos: 1 });
  await session.endAsync();
  await runLoad({
    port: mosquitto.port,
    dpuIds,
    messagesPerConnection: messagesPerDpu,
    warmUpPerConnection: 0,
    eventsPerMessage: 1,
    inFlightPerConnection: 1,
    backlog: null,
  });
  return mosquitto;
}
