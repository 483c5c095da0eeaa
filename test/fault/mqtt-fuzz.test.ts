// Packets that are almost right, by the million, against the running service: a DPU beside them is answered throughout,
// memory stays, and in the end everything agrees.
import { connect } from 'node:net';
import { expect, onTestFailed, test } from 'vitest';
import { residentBytes } from '../bench/process-usage.ts';
import { startHonest } from '../support/honest.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { fuzzConnection } from './packet-fuzzer.ts';
import { runSeed, seededRandom } from './seed.ts';

const PACKETS = setting('FOOTFALL_TEST_FUZZ_PACKETS', 50_000);
const PER_CONNECTION = 50;
const CONNECTIONS_AT_ONCE = 8;
/** Of what is sent within a connection; most faults end it. */
const BENT = 0.05;
/** For every answer to the DPU beside; longer where the service shares the machine with other tests too. */
const ANSWER_MS_MAX = setting('FOOTFALL_TEST_FUZZ_ANSWER_MS', 1_000);
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

test(`${PACKETS} fuzzed packets`, { timeout: 60_000 + PACKETS * 3 }, async () => {
  const seed = runSeed();
  onTestFailed(() => void process.stderr.write(`FOOTFALL_FAULT_SEED=${seed}\n`));
  await using service = await startService();
  const http = httpClient(service.httpUrl);
  for (const id of ['423', 'honest']) await http.call('POST', '/v1/dpus', { id });
  const honest = await startHonest(service.mqttPort, 1, 5);

  const connections = Math.ceil(PACKETS / PER_CONNECTION);
  let next = 0;
  let warmBytes = 0;
  const torment = async (): Promise<void> => {
    while (next < connections) {
      next += 1;
      const random = seededRandom(seed, next);
      if (next === connections >> 2) warmBytes = residentBytes(service.pid);
      const bytes = fuzzConnection(random, PER_CONNECTION, BENT, `fuzz-${next % 1000}`);
      await send(service.mqttPort, bytes, random.chance(0.1) ? 1 + random.below(40) : bytes.length);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, torment));
  const { answers, p99Ms, maxMs } = await honest.seen();
  await honest.stop();
  const growthBytes = residentBytes(service.pid) - warmBytes;
  process.stdout.write(
    `${connections * PER_CONNECTION} packets, ${connections} connections; beside them ${answers} answers, ` +
      `p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(1)} ms; memory ${Math.round(growthBytes / 1024 ** 2)} MB more\n`,
  );
  expect(maxMs).toBeLessThan(ANSWER_MS_MAX);
  expect(growthBytes).toBeLessThan(GROWTH_BYTES_MAX);
  const { status, body } = await http.call('POST', '/v1/verify');
  expect({ status, differences: body.differences ?? [] }).toEqual({ status: 200, differences: [] });
});

/** Sends `bytes` in pieces of `size`, ends its side, and resolves when the server has closed the other. */
function send(port: number, bytes: Buffer, size: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
  });
}
