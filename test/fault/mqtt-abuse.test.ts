// What a broken or hostile client may do to the service, each with honest DPUs beside it that must not notice.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { residentBytes } from '../bench/process-usage.ts';
import { type Honest, startHonest } from '../support/honest.ts';
import { httpClient } from '../support/http.ts';
import { connectPacket, publishPacket } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const HALF_OPEN = setting('FOOTFALL_TEST_HALF_OPEN', 2_000);
/** Of the honest DPUs, whose machine is that of the abuser too. */
const P99_MS_MAX = setting('FOOTFALL_TEST_ABUSE_P99_MS', 500);
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;
const ABUSER = '127.0.0.2';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const SOON = { timeout: 25_000, interval: 50 };

let service: Service;
let honest: Honest;
let secret: string;
beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
  const authorization = { authorization: `Bearer ${ADMIN_KEY}` };
  const http = httpClient(service.httpUrl);
  for (const id of ['423', 'honest']) await http.call('POST', '/v1/dpus', { id }, authorization);
  ({ secret } = (await http.call('POST', '/v1/dpus/423/secret', undefined, authorization)).body);
  honest = await startHonest(service.mqttPort, 10, 10, ADMIN_KEY);
});
afterAll(async () => {
  await honest.stop();
  await service.stop();
});

/** Does `work`; the honest DPUs are answered as ever, and the service does not grow. */
async function besideHonest(what: string, work: () => Promise<void>): Promise<void> {
  await honest.seen();
  const before = residentBytes(service.pid);
  await work();
  const { answers, p99Ms, maxMs } = await honest.seen();
  const growth = residentBytes(service.pid) - before;
  process.stdout.write(
    `${what}: ${answers} honest answers, p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(1)} ms, ` +
      `${Math.round(growth / 1024 ** 2)} MB more\n`,
  );
  expect(answers).toBeGreaterThan(0);
  expect(p99Ms).toBeLessThan(P99_MS_MAX);
  expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
}

async function open(): Promise<Socket> {
  const socket = connect({ port: service.mqttPort, host: '127.0.0.1', localAddress: ABUSER, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.resume().once('close', () => resolve());
  });
const login = () =>
  generate(connectPacket({ clientId: '423', username: '423', password: Buffer.from(secret), keepalive: 0 }));

test(`${HALF_OPEN} connections that say nothing are closed in time`, { timeout: 60_000 }, () =>
  besideHonest('half-open connections', async () => {
    const sockets: Socket[] = [];
    while (sockets.length < HALF_OPEN) sockets.push(...(await Promise.all(Array.from({ length: 100 }, open))));
    await Promise.all(sockets.map(closed));
  }),
);

test('CONNECTs that come byte by byte are given up in time', { timeout: 60_000 }, () =>
  besideHonest('slow CONNECTs', async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, open));
    const bytes = login();
    let at = 0;
    const timer = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write(bytes.subarray(at, at + 1));
      at = Math.min(at + 1, bytes.length - 2);
    }, 200);
    await Promise.all(sockets.map(closed));
    clearInterval(timer);
  }),
);

test('a packet of 200 MB is not kept, whether it is announced or sent', { timeout: 60_000 }, () =>
  besideHonest('200 MB packets', async () => {
    const announced = await open();
    announced.write(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x5f]));
    await closed(announced);
    const sent = await open();
    const head = generate(publishPacket('dpu/423/events', Buffer.alloc(0), 7));
    const length = 199_229_440;
    sent.write(Buffer.concat([login(), Buffer.from([0x32, 0x80, 0x80, 0x80, 0x5f]), head.subarray(2)]));
    let left = length - (head.length - 2);
    const piece = Buffer.alloc(64 * 1024);
    const answers: Buffer[] = [];
    sent.on('data', (chunk: Buffer) => answers.push(chunk));
    while (left > 0) {
      if (!sent.write(piece.subarray(0, Math.min(left, piece.length)))) await once(sent, 'drain');
      left -= piece.length;
    }
    const puback = Buffer.from([0x40, 2, 0, 7]);
    await vi.waitFor(() => expect(Buffer.concat(answers).subarray(4)).toEqual(puback), SOON);
    sent.destroy();
  }),
);

test('one that never reads its acknowledgements is not read any more, and closed', { timeout: 60_000 }, () =>
  besideHonest('acknowledgements that nobody reads', async () => {
    const deaf = await open();
    deaf.pause();
    const key = connectPacket({ username: 'deaf', password: Buffer.from(ADMIN_KEY) });
    deaf.write(generate(key));
    // Pings are answered in two bytes and cost no disk, so that buffers fill soon.
    const pings = Buffer.alloc(256 * 1024, Buffer.from([0xc0, 0]));
    const flood = () => void (!deaf.destroyed && deaf.write(pings, () => setImmediate(flood)));
    flood();
    await new Promise<void>((resolve) => deaf.once('close', () => resolve()));
  }),
);

test('one DPU that floods is read at its rate, and nothing of it is dropped', { timeout: 60_000 }, () =>
  besideHonest('one DPU flooding', async () => {
    const flooding = await open();
    const count = 250;
    let bytes = 0;
    flooding.on('data', (chunk) => {
      bytes += chunk.length;
    });
    const publishes = Array.from({ length: count }, (_, index) =>
      generate(publishPacket('dpu/423/events', EVENT, index + 1)),
    );
    flooding.write(Buffer.concat([login(), ...publishes]));
    await vi.waitFor(() => expect(bytes).toBe(4 + 4 * count), SOON);
    flooding.destroy();
  }),
);

test('a thousand wrong passwords a second bar the address that they come from', { timeout: 60_000 }, () =>
  besideHonest('1,000 wrong passwords a second', async () => {
    const wrong = generate(connectPacket({ clientId: '423', username: '423', password: Buffer.from('wrong') }));
    let answered = 0;
    let tries = 0;
    const guess = async (): Promise<void> => {
      const socket = await open();
      socket.write(wrong);
      socket.on('data', () => {
        answered += 1;
      });
      await closed(socket);
    };
    const startedAtMs = systemClock.monotonicMs();
    const guesses: Promise<void>[] = [];
    while (tries < 3_000) {
      const due = Math.min(3_000, Math.ceil(systemClock.monotonicMs() - startedAtMs));
      for (; tries < due; tries++) guesses.push(guess());
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(guesses);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(tries / 5);
  }),
);
