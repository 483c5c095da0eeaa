// Secrets of DPUs with several workers: replaced with an overlap, revoked during a publish, made for a whole fleet.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';
import { REACH } from '../support/workers.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const WORKERS = 2;
const AT_MS = Date.UTC(2026, 0, 15, 9);
const SOON = { timeout: 5_000, interval: 20 };

let service: Service;
const admin = async (method: string, path: string, body?: unknown) => {
  const answer = await httpClient(service.httpUrl).call(method, path, body, { authorization: `Bearer ${ADMIN_KEY}` });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const secretOf = async (id: string, overlapS = 0): Promise<string> =>
  (await admin('POST', `/v1/dpus/${id}/secret`, { overlap_s: overlapS })).secret;

beforeAll(async () => {
  service = await startService({
    environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY, FOOTFALL_BROKER_WORKERS: String(WORKERS) },
  });
});
afterAll(() => service.stop());

async function connected(id: string, secret: string): Promise<Wire> {
  const wire = await openWire(service.mqttPort);
  await wire.connect({ clientId: id, username: id, password: Buffer.from(secret) });
  return wire;
}

/** A worker may not know of a DPU or a secret for a moment; then every one does. */
async function untilKnown(id: string, secret: string): Promise<void> {
  await vi.waitFor(async () => {
    for (let connection = 0; connection < REACH; connection++) (await connected(id, secret)).destroy();
  }, SOON);
}

test('with an overlap the secret before stays good', async () => {
  await admin('POST', '/v1/dpus', { id: 'overlapping' });
  const old = await secretOf('overlapping');
  await untilKnown('overlapping', old);
  const fresh = await secretOf('overlapping', 3_600);
  await untilKnown('overlapping', fresh);
  await (await connected('overlapping', old)).ping();
  await (await connected('overlapping', fresh)).ping();
});

test('when the overlap is over, the secret before and what was begun with it end', async () => {
  await admin('POST', '/v1/dpus', { id: 'expiring' });
  const old = await secretOf('expiring');
  await untilKnown('expiring', old);
  await using wire = await connected('expiring', old);
  const replacedMs = performance.now();
  await secretOf('expiring', 1);
  await wire.closed();
  // Not because it was replaced: because its time was over.
  expect(performance.now() - replacedMs).toBeGreaterThan(900);
  await expect(connected('expiring', old)).rejects.toThrow('"returnCode":4');
});

test('revoked during a publish: cut within a second at every worker, and what was acknowledged is stored once', async () => {
  const DPUS = 20;
  const ids = Array.from({ length: DPUS }, (_, index) => `revoked-${index}`);
  const { results } = await admin('POST', '/v1/dpus/secrets', { dpus: ids.map((id) => ({ id })) });
  const acknowledged = new Set<number>();
  const sent = new Set<number>();
  const wires: Wire[] = [];
  for (const { dpu_id: id, secret } of results) {
    await untilKnown(id, secret);
    const wire = await connected(id, secret);
    wires.push(wire);
    void (async () => {
      for (;;) {
        const atMs = AT_MS + sent.size;
        sent.add(atMs);
        wire.send(publishPacket(`dpu/${id}/events`, JSON.stringify({ timestamp: atMs, direction: 1 }), 1));
        if ((await wire.next()).cmd === 'puback') acknowledged.add(atMs);
      }
    })().catch(() => undefined);
  }
  await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(100 * DPUS), { timeout: 20_000, interval: 10 });
  const revokedMs = performance.now();
  await Promise.all(ids.map((id) => admin('DELETE', `/v1/dpus/${id}/secret`)));
  await Promise.all(wires.map((wire) => wire.closed()));
  const cutMs = performance.now() - revokedMs;
  expect(cutMs).toBeLessThan(1_500);
  for (const { dpu_id: id, secret } of results) {
    await expect(connected(id, secret)).rejects.toThrow('"returnCode":4');
  }
  const stored = await vi.waitFor(async () => {
    const times: number[] = [];
    for (let cursor = ''; ; ) {
      const page = await admin('GET', `/v1/events?start_time=2026-01-15T09:00:00Z&page_size=5000${cursor}`);
      times.push(...page.results.map(({ timestamp }: { timestamp: string }) => Date.parse(timestamp)));
      if (page.next === null) break;
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
    for (const atMs of acknowledged) if (!times.includes(atMs)) throw new Error(`acknowledged and not stored: ${atMs}`);
    return times;
  }, SOON);
  expect(stored.length).toBe(new Set(stored).size);
  process.stdout.write(
    `revoked during a publish: cut after ${Math.round(cutMs)} ms, ${acknowledged.size} acknowledged, ${stored.length} stored\n`,
  );
});

test('a fleet is provisioned from a file; run again it goes on where it was', async () => {
  const folder = temporaryDir();
  const [file, out] = [join(folder, 'dpus.csv'), join(folder, 'secrets.csv')];
  const rows = (count: number) =>
    Array.from({ length: count }, (_, index) => `fleet-${index},Door ${index}\n`).join('');
  writeFileSync(file, `dpu_id,name\n${rows(1_200)}`);
  const withKey = ['--url', service.httpUrl, '--key', ADMIN_KEY, '--out', out];
  const first = await runCommand(['dpu', 'provision', file, ...withKey]);
  expect(first).toMatchObject({ code: 0, stdout: `1200 secrets made, 0 were in ${out} already\n` });
  const made = readFileSync(out, 'utf8');
  const lines = made.trim().split('\n');
  expect(lines).toHaveLength(1_201);
  const [id, secret] = (lines[700] as string).split(',') as [string, string];
  await untilKnown(id, secret);
  expect((await admin('GET', `/v1/dpus/${id}`)).name).toBe('Door 699');
  // Cut off in the middle of a line, as by a loss of power.
  writeFileSync(out, made.slice(0, made.indexOf('fleet-1000,') + 20));
  const second = await runCommand(['dpu', 'provision', file, ...withKey]);
  expect(second).toMatchObject({ code: 0, stdout: `200 secrets made, 1000 were in ${out} already\n` });
  const after = readFileSync(out, 'utf8').trim().split('\n');
  expect(after.slice(0, 1_001)).toEqual(lines.slice(0, 1_001));
  expect(new Set(after.map((line) => line.split(',')[0])).size).toBe(1_201);
  writeFileSync(file, 'dpu_id\nno good id\n');
  expect((await runCommand(['dpu', 'provision', file, ...withKey])).code).toBe(2);
  expect((await runCommand(['dpu', 'revoke', 'fleet-1', '--url', service.httpUrl, '--key', ADMIN_KEY])).code).toBe(0);
});
