// Generated schedules against the running service: MQTT and HTTP in, HTTP out, every answer held against the brute-force model.
import fc from 'fast-check';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, test } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { compare, LATENESS_MS } from '../support/service-answers.ts';
import { Player } from '../support/service-player.ts';
import { type ServiceSchedule, serviceSchedule } from '../support/service-schedule.ts';
import { setting } from '../support/setting.ts';
import { isInfluxRedis } from '../support/storage.ts';

const SCHEDULES = isInfluxRedis
  ? setting('FOOTFALL_TEST_SERVICE_SCHEDULES_SERVERS', 10)
  : setting('FOOTFALL_TEST_SERVICE_SCHEDULES', 60);
const SEED = setting('FOOTFALL_TEST_SEED', 20_180_224);
/** A service holds so many before a fresh one is started. */
const SCHEDULES_PER_SERVICE = 50;
/** Played at the same time: the service is waited for less. */
const AT_ONCE = 4;
/** What is left of a schedule after so long is not made any smaller. */
const SHRINKING_MS_MAX = setting('FOOTFALL_TEST_SHRINKING_MS', 60_000);

type House = { readonly service: Service; readonly client: Client; readonly mqtt: MqttClient };

let houses = 0;

async function openHouse(): Promise<House> {
  const environment = { FOOTFALL_LATENESS_ALLOWED_S: String(LATENESS_MS / 1000) };
  const service = await startService({ environment });
  const mqtt = await connectAsync(service.mqttUrl, { clientId: 'the-model' });
  return { service, client: httpClient(service.httpUrl), mqtt };
}

test(`the running service answers as the model (seeds from ${SEED})`, async () => {
  for (let done = 0; done < SCHEDULES; done += SCHEDULES_PER_SERVICE) {
    const { service, client, mqtt } = await openHouse();
    try {
      const seeds = Array.from(
        { length: Math.min(SCHEDULES_PER_SERVICE, SCHEDULES - done) },
        (_, i) => SEED + done + i,
      );
      await Promise.all(Array.from({ length: AT_ONCE }, () => playAll(seeds, client, mqtt)));
      expect(await client.post('/v1/verify')).toMatchObject({ equal: true });
    } finally {
      await mqtt.endAsync();
      await service.stop();
    }
  }
}, 3_600_000);

/** Takes seeds until there are none. */
async function playAll(seeds: number[], client: Client, mqtt: MqttClient): Promise<void> {
  const play = async (schedule: ServiceSchedule): Promise<void> => {
    const publish = (topic: string, payload: string) => mqtt.publishAsync(topic, payload, { qos: 1 });
    const player = new Player({ client, publish }, `h${++houses}-`, schedule);
    await player.play();
    await compare({ client, player, model: await player.model() });
  };
  const property = fc.asyncProperty(fc.noBias(serviceSchedule), play);
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const shrinking = SHRINKING_MS_MAX > 0 ? { interruptAfterTimeLimit: SHRINKING_MS_MAX } : { endOnFailure: true };
    const options = { seed, numRuns: 1, ...shrinking };
    await fc.assert(property, options).catch((error) => {
      seeds.length = 0;
      throw new Error(`not as the model: run again with FOOTFALL_TEST_SEED=${seed}`, { cause: error });
    });
  }
}
