// Backlogs: arrays of 200 events a publish, from the first publish until every event is in the counts.
import { systemClock } from '../../shared/clock.ts';
import { generateBuilding } from '../../shared/commands/building.ts';
import { startService } from '../support/service.ts';
import { importBuilding, untilCounted } from './counts-over-http.ts';
import { type Figure, whole } from './figure.ts';
import { countsAfter } from './filled-store.ts';
import { runLoad } from './load.ts';
import { cpuMs } from './process-usage.ts';
import { directionOf } from './publish-template.ts';

const CONNECTIONS = 200;
const EVENTS_PER_MESSAGE = 200;
const MESSAGES_PER_CONNECTION = 50;
const IN_FLIGHT_PER_CONNECTION = 2;
/** A person every six seconds: a connection brings the backlog of 17 hours. */
const STEP_MS = 6_000;
const COUNTED_TIMEOUT_MS = 120_000;

export async function benchArrays(report: (line: string) => void): Promise<Figure[]> {
  await using service = await startService();
  const building = generateBuilding(CONNECTIONS, 'bench');
  await importBuilding(service.httpUrl, building);
  const eventsPerConnection = EVENTS_PER_MESSAGE * MESSAGES_PER_CONNECTION;
  const backlog = { firstMs: systemClock.nowMs() - eventsPerConnection * STEP_MS, stepMs: STEP_MS };
  let beganMs = 0;
  let cpuBeforeMs = 0;
  const result = await runLoad(
    {
      port: service.mqttPort,
      dpuIds: building.doors.map((door) => door.dpuId),
      messagesPerConnection: MESSAGES_PER_CONNECTION,
      warmUpPerConnection: 0,
      eventsPerMessage: EVENTS_PER_MESSAGE,
      inFlightPerConnection: IN_FLIGHT_PER_CONNECTION,
      backlog,
    },
    () => {
      beganMs = systemClock.monotonicMs();
      cpuBeforeMs = cpuMs(service.pid);
    },
  );
  let net = 0;
  for (let index = 0; index < EVENTS_PER_MESSAGE; index++) net += directionOf(index) * MESSAGES_PER_CONNECTION;
  const right = countsAfter(
    building,
    building.doors.map(() => net),
  );
  const events = CONNECTIONS * eventsPerConnection;
  const countedMs = (await untilCounted(service.httpUrl, right, COUNTED_TIMEOUT_MS)) - beganMs;
  const cpuUs = ((cpuMs(service.pid) - cpuBeforeMs) * 1000) / events;
  const acknowledged = result.messagesPerSecond * EVENTS_PER_MESSAGE;
  const counted = (events * 1000) / countedMs;
  report(
    `  ${whole(events)} events acknowledged in ${whole(result.elapsedMs)} ms, all counted after ${whole(countedMs)} ms, ${cpuUs.toFixed(1)} µs CPU an event`,
  );
  return [
    {
      name: `arrays of ${EVENTS_PER_MESSAGE}: durable events until queryable, generator included`,
      measured: `${whole(counted)}/s (acknowledged ${whole(acknowledged)}/s)`,
      peer: 'mosquitto, Telegraf, InfluxDB 29,000/s (as published, raw points only)',
      target: '>= 60,000/s',
      reached: counted >= 60_000,
    },
  ];
}
