// A consumer that follows the change feed from an empty start holds the same series as the service, after schedules at random.
import fc from 'fast-check';
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { Follower } from '../support/follower.ts';
import { httpClient } from '../support/http.ts';
import type { Model } from '../support/model.ts';
import { startService } from '../support/service.ts';
import { LATENESS_MS } from '../support/service-answers.ts';
import { Player } from '../support/service-player.ts';
import { SPACES, serviceSchedule } from '../support/service-schedule.ts';
import { setting } from '../support/setting.ts';
import { isInfluxRedis } from '../support/storage.ts';

/** On real servers a schedule takes ten times as long. */
const SCHEDULES = isInfluxRedis ? 2 : setting('FOOTFALL_TEST_FOLLOWED', 20);
const SEED = setting('FOOTFALL_TEST_SEED', 20_180_224);
const DAY_MS = 86_400_000;
/** A look at all of it by brute force takes up to half a minute on a busy machine. */
const TIMEOUT_MS = 120_000;

test(`a reader of every change holds every series (seed ${SEED})`, async () => {
  await using service = await startService({
    environment: { FOOTFALL_LATENESS_ALLOWED_S: String(LATENESS_MS / 1000) },
  });
  const client = httpClient(service.httpUrl);
  const mqtt = await connectAsync(service.mqttUrl, { clientId: 'the-follower' });
  const door = { client, publish: (topic: string, payload: string) => mqtt.publishAsync(topic, payload, { qos: 1 }) };
  const follower = new Follower(client);
  const players: Player[] = [];
  for (const schedule of fc.sample(fc.noBias(serviceSchedule), { seed: SEED, numRuns: SCHEDULES })) {
    const player = new Player(door, `f${players.length}-`, schedule);
    players.push(player);
    await player.play();
    // In the middle of things, so that what it holds by now is changed by what comes.
    await follower.follow();
  }
  await mqtt.endAsync();
  const models: Model[] = [];
  for (const player of players) models.push(await player.model());
  expect(await client.post('/v1/rebuild')).toMatchObject({ discrepancies: [] });
  await service.kill('SIGKILL');
  await service.restart();
  await vi.waitFor(
    async () => {
      await follower.follow();
      for (const [index, player] of players.entries()) {
        compareEdges(player, models[index] as Model);
        await compareSeries(player);
      }
    },
    { timeout: TIMEOUT_MS, interval: 100 },
  );

  /** Just before and just at every moment at which anything changes. */
  function compareEdges(player: Player, model: Model): void {
    for (const space of SPACES.map((name) => player.id(name))) {
      const edges = follower.edges(space).filter((edgeMs) => edgeMs < Date.now());
      const moments = edges.flatMap((edgeMs) => [edgeMs - 1, edgeMs]);
      const counts = (countAt: (atMs: number) => number) =>
        moments.map((atMs) => `${new Date(atMs).toISOString()} ${countAt(atMs)}`);
      const held = counts((atMs) => follower.count(space, atMs));
      const message = `not as the model: schedule ${players.indexOf(player)} of seed ${SEED}, ${space}`;
      expect(held, message).toEqual(counts((atMs) => model.count(space, atMs)));
    }
  }

  async function compareSeries(player: Player): Promise<void> {
    const [fromMs, untilMs] = [player.at(0) - 2 * DAY_MS, Math.min(player.at(0) + 2 * DAY_MS, Date.now() - 1)];
    for (const space of SPACES.map((name) => player.id(name))) {
      const range = `start_time=${fromMs}&end_time=${untilMs}`;
      const { results } = await client.get(`/v1/spaces/${space}/counts?${range}&interval=15m`);
      const ends: number[] = results.map((bucket: { interval: { end: string } }) => Date.parse(bucket.interval.end));
      const held = ends.map((endMs) => follower.count(space, endMs - 1));
      const seed = `schedule ${players.indexOf(player)} of seed ${SEED}, ${space}`;
      const answered = results.map((bucket: { count: number }) => bucket.count);
      expect(held, `not as the service: ${seed}`).toEqual(answered);
    }
  }
}, 600_000);
