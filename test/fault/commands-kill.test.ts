// kill -9 while commands are queued and delivered: every one that was accepted reaches its DPU, once or more.
//
//   FOOTFALL_FAULT_COMMAND_KILLS  how often      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { killWorker, workersOf } from '../support/workers.ts';
import { type Random, runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_COMMAND_KILLS', 4);
const IDS = Array.from({ length: 12 }, (_, index) => `dpu-${index}`);
/** The kill comes at most so long after the first commands of a round. */
const LOAD_MS_MAX = 250;
const PATIENCE = { timeout: 30_000, interval: 50 };

const KINDS: [what: string, workers: number, kill: (service: Service, random: Random) => Promise<void>][] = [
  [
    'the service',
    1,
    async (service) => {
      await service.kill('SIGKILL');
      await service.restart();
    },
  ],
  ['a worker', 2, (service, random) => killWorker(service, random.pick(workersOf(service)))],
];

test.each(KINDS)(`${KILLS} kills of %s while commands are under way`, { timeout: 180_000 }, async (...kind) => {
  const [what, workers, kill] = kind;
  const seed = runSeed();
  const random = seededRandom(seed, workers);
  await using service = await startService({ environment: { FOOTFALL_BROKER_WORKERS: String(workers) } });
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', { dpus: IDS.map((id) => ({ id })) });
  const received = new Map(IDS.map((id) => [id, [] as string[]]));
  const dpus = await Promise.all(IDS.map((id) => listen(service.mqttUrl, id, received.get(id) as string[])));
  const accepted = new Map<string, string[]>(IDS.map((id) => [id, []]));
  for (let round = 0; round < KILLS; round++) {
    const stop = new AbortController();
    const before = countOf(accepted);
    const sending = IDS.map((id) => sendUntil(stop.signal, client, id, accepted.get(id) as string[]));
    await vi.waitFor(() => expect(countOf(accepted)).toBeGreaterThan(before + 1), PATIENCE);
    const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX) + 1);
    await new Promise((resolve) => moment.addEventListener('abort', resolve));
    await kill(service, random);
    stop.abort();
    await Promise.all(sending);
  }
  await vi.waitFor(() => {
    for (const [id, ids] of accepted)
      expect([id, ids.filter((one) => !received.get(id)?.includes(one))]).toEqual([id, []]);
  }, PATIENCE);
  await vi.waitFor(async () => {
    for (const id of IDS) {
      const { results } = await client.get(`/v1/dpus/${id}/commands`);
      expect(results.filter(({ state }: { state: string }) => state !== 'delivered')).toEqual([]);
    }
  }, PATIENCE);
  const [sent, come] = [countOf(accepted), countOf(received)];
  process.stdout.write(`kill -9 of ${what}: ${KILLS} times, ${sent} commands accepted, ${come} came, seed ${seed}\n`);
  expect(sent).toBeGreaterThan(KILLS);
  for (const dpu of dpus) dpu.end(true);
});

function countOf(ids: ReadonlyMap<string, readonly string[]>): number {
  return [...ids.values()].flat().length;
}

async function listen(url: string, id: string, ids: string[]) {
  const dpu = await connectAsync(url, { clientId: id, reconnectPeriod: 20, resubscribe: true });
  dpu.on('error', () => undefined);
  dpu.on('message', (_topic, payload) => void ids.push(JSON.parse(payload.toString()).id));
  await dpu.subscribeAsync(`dpu/${id}/commands`, { qos: 1 });
  return dpu;
}

/** Sends one after the other; what was not answered was not accepted. */
async function sendUntil(signal: AbortSignal, client: Client, id: string, accepted: string[]): Promise<void> {
  while (!signal.aborted) {
    const answer = await client.call('POST', `/v1/dpus/${id}/commands`, { command: 'restart' }).catch(() => null);
    if (answer === null) return;
    if (answer.status === 202) accepted.push(answer.body.id);
    else expect([409, 503]).toContain(answer.status);
  }
}
