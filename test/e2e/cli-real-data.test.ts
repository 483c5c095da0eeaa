// The recording of two real DPUs through the whole service: whatever way its rows take, the same right answers come out.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import {
  DISTINCT_EVENTS,
  EVENTS_FILE,
  FLOORPLAN_FILE,
  type RecordedRow,
  RIGHT_ANSWERS,
  realDataMissing,
  recordedRows,
} from '../support/real-data.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

/** Generous, because tests share the machine. */
const SOON = { timeout: 20_000 };

const addresses = (service: Service) => ['--url', service.httpUrl, '--mqtt', service.mqttUrl];

async function startWithFloorplan(): Promise<Service> {
  const service = await startService();
  const imported = await runCommand(['import', FLOORPLAN_FILE, '--url', service.httpUrl]);
  expect(imported).toEqual({ code: 0, stdout: 'imported 2 spaces, 2 doorways, 2 DPUs\n', stderr: '' });
  return service;
}

/** All right answers, and every kind of sum and every raw event agreeing on them. */
async function expectRightAnswers(service: Service): Promise<void> {
  const api = httpClient(service.httpUrl);
  await vi.waitFor(async () => expect((await api.post('/v1/verify')).events).toBe(DISTINCT_EVENTS), SOON);
  for (const { at, A, B } of RIGHT_ANSWERS) {
    const query = at === null ? '' : `?at=${at}`;
    const { results } = await api.get(`/v1/spaces/counts${query}`);
    expect(results).toMatchObject([
      { space_id: 'A', count: A, occupancy: Math.max(0, A) },
      { space_id: 'B', count: B, occupancy: Math.max(0, B) },
    ]);
  }
  expect(await api.post('/v1/verify')).toMatchObject({ equal: true, discrepancies: [] });
  expect(await api.get('/v1/quarantine')).toMatchObject({ total: 0 });
}

/** The same in every run, and far from the recorded order. */
function shuffled(rows: readonly RecordedRow[]): RecordedRow[] {
  const keyed = rows.map((row, index) => ({ row, key: (index * 7919) % 1009 }));
  return keyed.sort((one, other) => one.key - other.key).map(({ row }) => row);
}

function eventFile(rows: readonly RecordedRow[]): string {
  const file = join(temporaryDir(), 'events.csv');
  const lines = rows.map(({ timestamp, direction, dpuId }) => `${dpuId},${direction},${timestamp}\n`);
  writeFileSync(file, `dpu_id,direction,timestamp\n${lines.join('')}`);
  return file;
}

describe.skipIf(realDataMissing())('the real recording', () => {
  describe('replayed as it is', () => {
    let service: Service;
    beforeAll(async () => {
      service = await startWithFloorplan();
      const { code, stdout, stderr } = await runCommand(['replay', EVENTS_FILE, ...addresses(service)]);
      expect(stdout).toMatch(/^563 events published to mqtt:\/\/127\.0\.0\.1:\d+ and stored in [\d.]+ s\n$/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      await expectRightAnswers(service);
    });
    afterAll(() => service.stop());

    test.each(RIGHT_ANSWERS)('count prints $A for A and $B for B at $at', async ({ at, A, B }) => {
      for (const [space, count] of Object.entries({ A, B })) {
        const { code, stdout } = await runCommand([
          ...['count', space, '--url', service.httpUrl],
          ...(at === null ? [] : ['--at', at]),
        ]);
        expect(stdout.split(/\s/)[0]).toBe(String(count));
        expect(code).toBe(0);
      }
    });

    test('replayed again, and shuffled, it changes nothing', async () => {
      for (const file of [EVENTS_FILE, eventFile(shuffled(recordedRows()))]) {
        expect((await runCommand(['replay', file, ...addresses(service)])).code).toBe(0);
        await expectRightAnswers(service);
      }
    });

    test('verify says equal, rebuild changes nothing, and both tell what they compared', async () => {
      const compared = /2 spaces, 530 events, journal position \d+, http/;
      const verified = await runCommand(['verify', '--url', service.httpUrl]);
      expect(verified.stdout).toMatch(/^equal: /);
      expect(verified.stdout).toMatch(compared);
      expect(verified.code).toBe(0);
      const rebuilt = await runCommand(['rebuild', '--url', service.httpUrl]);
      expect(rebuilt.stdout).toMatch(/^rebuilt, nothing differed: /);
      expect(rebuilt.stdout).toMatch(compared);
      expect(rebuilt.code).toBe(0);
      await expectRightAnswers(service);
    });

    test('export then import into an empty service, then a replay, gives the same answers', async () => {
      const exported = await runCommand(['export', '--url', service.httpUrl]);
      const file = join(temporaryDir(), 'plan.json');
      writeFileSync(file, exported.stdout);
      await using other = await startService();
      expect((await runCommand(['import', file, '--url', other.httpUrl])).code).toBe(0);
      expect((await runCommand(['replay', EVENTS_FILE, ...addresses(other)])).code).toBe(0);
      await expectRightAnswers(other);
    });
  });

  test('shuffled into an empty service it gives the same answers', async () => {
    await using service = await startWithFloorplan();
    const file = eventFile(shuffled(recordedRows()));
    expect((await runCommand(['replay', file, ...addresses(service)])).code).toBe(0);
    await expectRightAnswers(service);
  });

  test('split over HTTP and MQTT, one by one and in arrays, it gives the same answers', async () => {
    await using service = await startWithFloorplan();
    const api = httpClient(service.httpUrl);
    const client = await connectAsync(service.mqttUrl);
    const event = ({ timestamp, direction }: RecordedRow) => ({ timestamp, direction });
    const rows = recordedRows();
    const arrays: Record<string, object[]> = {};
    for (const [index, row] of rows.entries()) {
      if (index % 3 === 0) await api.post(`/v1/dpus/${row.dpuId}/events`, event(row));
      else if (index % 3 === 1) {
        await client.publishAsync(`dpu/${row.dpuId}/events`, JSON.stringify(event(row)), { qos: index % 2 ? 1 : 2 });
      } else arrays[row.dpuId] = [...(arrays[row.dpuId] ?? []), event(row)];
    }
    for (const [dpuId, events] of Object.entries(arrays)) {
      await client.publishAsync(`dpu/${dpuId}/events`, JSON.stringify(events), { qos: 1 });
    }
    await client.endAsync();
    await expectRightAnswers(service);
  });

  test('kill -9 in the middle and a new start: the replay goes on, and the answers are the same', async () => {
    await using service = await startWithFloorplan();
    const api = httpClient(service.httpUrl);
    // Six days in about three seconds, so that there is a middle.
    const replay = startCommand(['replay', EVENTS_FILE, '--speed', '180000', ...addresses(service)]);
    await vi.waitFor(async () => expect((await api.get('/v1/events')).total).toBeGreaterThan(100), SOON);
    await service.kill('SIGKILL');
    await service.restart();
    const { total } = await api.get('/v1/events');
    expect(total).toBeLessThan(DISTINCT_EVENTS);
    const { code, stdout } = await replay.ended;
    expect(stdout).toContain('563 events published');
    expect(code).toBe(0);
    await expectRightAnswers(service);
  });

  test('events that came before their DPUs were known count once the floor plan is imported', async () => {
    await using service = await startService();
    expect((await runCommand(['replay', EVENTS_FILE, ...addresses(service)])).code).toBe(0);
    const api = httpClient(service.httpUrl);
    await vi.waitFor(async () => expect((await api.get('/v1/quarantine')).total).toBe(563), SOON);
    expect((await runCommand(['import', FLOORPLAN_FILE, '--url', service.httpUrl])).code).toBe(0);
    await expectRightAnswers(service);
  });
});
