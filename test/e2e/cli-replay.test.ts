// `replay` with files of every shape: what it reads, what it refuses, and that it can be stopped and begun again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

/** Generous, because tests share the machine. */
const SOON = { timeout: 20_000 };

let service: Service;
let api: Client;

beforeAll(async () => {
  service = await startService();
  api = httpClient(service.httpUrl);
});
afterAll(() => service.stop());

function fileOf(text: string): string {
  const file = join(temporaryDir(), 'events.csv');
  writeFileSync(file, text);
  return file;
}

function replay(file: string, ...options: string[]) {
  return runCommand(['replay', file, '--mqtt', service.mqttUrl, '--url', service.httpUrl, ...options]);
}

const eventsOf = async (dpuId: string) =>
  (await api.get(`/v1/dpus/${dpuId}/events`)).results.map(
    (event: { timestamp: string; direction: number }) => `${event.timestamp} ${event.direction}`,
  );

const READABLE: [words: string, text: string][] = [
  ['plain', 'timestamp,direction,dpu_id\n2018-01-01T00:00:00.000Z,1,ID\n2018-01-01T00:00:01.000Z,-1,ID\n'],
  [
    'CRLF and quotes',
    'timestamp,direction,dpu_id\r\n"2018-01-01T00:00:00Z","1",ID\r\n2018-01-01T00:00:01Z,"-1","ID"\r\n',
  ],
  [
    'columns in another order, and one more',
    'dpu_id,note,direction,timestamp\nID,x,1,2018-01-01T00:00:00Z\nID,"a,b",-1,2018-01-01T00:00:01Z',
  ],
  [
    'a byte order mark, blanks and empty lines',
    '\uFEFFtimestamp, direction ,dpu_id\n\n2018-01-01T00:00:00Z, 1 , ID\n\n2018-01-01T00:00:01Z,-1,ID\n\n',
  ],
  [
    'offsets, milliseconds as numbers, and a plus sign',
    'timestamp,direction,dpu_id\n2018-01-01T01:00:00.0009+01:00,+1,ID\n1514764801000,-1,ID\n',
  ],
];

test.each(READABLE)('a file with %s is read', async (_, text) => {
  const dpuId = `read-${READABLE.findIndex((row) => row[1] === text)}`;
  await api.post('/v1/dpus', { id: dpuId });
  const { code, stdout, stderr } = await replay(fileOf(text.replaceAll('ID', dpuId)));
  expect(stdout).toMatch(/^2 events published/);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await vi.waitFor(
    async () => expect(await eventsOf(dpuId)).toEqual(['2018-01-01T00:00:00.000Z 1', '2018-01-01T00:00:01.000Z -1']),
    SOON,
  );
});

test('rows that hold no event are named by line, the others are published, and the exit code is 1', async () => {
  await api.post('/v1/dpus', { id: 'bad' });
  const { code, stdout, stderr } = await replay(
    fileOf(
      [
        'timestamp,direction,dpu_id',
        '2018-01-01T00:00:00Z,1,bad',
        'yesterday,1,bad',
        '2018-01-01T00:00:01Z,2,bad',
        '2018-02-30T00:00:01Z,1,bad',
        '2018-01-01T00:00:02Z,1,not an id',
        '2018-01-01T00:00:02Z',
        '2018-01-01T00:00:03Z,1,bad',
      ].join('\r\n'),
    ),
  );
  expect(stdout).toMatch(/^2 events published .*; 5 rows hold no event and were left out\n$/);
  expect(stderr.split('\n').map((line) => line.split(':')[0])).toEqual(
    [3, 4, 5, 6, 7].map((line) => `line ${line}`).concat(''),
  );
  expect(code).toBe(1);
  await vi.waitFor(async () => expect(await eventsOf('bad')).toHaveLength(2), SOON);
});

test.each([
  ['a missing column', 'timestamp,dpu_id\n2018-01-01T00:00:00Z,d\n', /has no column direction/],
  ['no header', '2018-01-01T00:00:00Z,1,d\n', /has no column timestamp, direction, dpu_id/],
])('a file with %s is wrong use', async (_, text, says) => {
  const { code, stderr } = await replay(fileOf(text));
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
});

test.each([
  ['that never ends', '2018-01-01T00:00:00Z,1,"d\n', 2],
  ['within a field', '2018-01-01T00:00:00Z,1,d\n2018-01-01T00:00:00Z,1,"d"x"\n', 3],
])('a quote %s is told by line, not thrown', async (_, rows, line) => {
  const { code, stderr } = await replay(fileOf(`timestamp,direction,dpu_id\n${rows}`));
  expect(stderr).toContain(`line ${line}: `);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});

test('Ctrl-C ends it with words and exit code 1; run again it completes, and nothing counts twice', async () => {
  await api.post('/v1/dpus', { id: 'stopped' });
  const rows = Array.from({ length: 500 }, (_, index) => `${1514764800000 + index * 60_000},1,stopped\n`);
  const file = fileOf(`timestamp,direction,dpu_id\n${rows.join('')}`);
  const first = startCommand(['replay', file, '--speed', '600', '--mqtt', service.mqttUrl]);
  await vi.waitFor(async () => expect((await eventsOf('stopped')).length).toBeGreaterThan(5), SOON);
  first.child.kill('SIGINT');
  const { code, stderr } = await first.ended;
  expect(stderr).toContain('interrupted; run the same again, repeats are harmless');
  expect(code).toBe(1);
  expect((await api.get('/v1/dpus/stopped/events')).total).toBeLessThan(500);
  expect((await replay(file)).code).toBe(0);
  await vi.waitFor(async () => expect((await api.get('/v1/dpus/stopped/events')).total).toBe(500), SOON);
});

test('--loop begins again until Ctrl-C, which is how it ends well', async () => {
  await api.post('/v1/dpus', { id: 'looped' });
  const file = fileOf('timestamp,direction,dpu_id\n1514764800000,1,looped\n1514764801000,1,looped\n');
  const before = (await api.post('/v1/verify')).position;
  const looping = startCommand(['replay', file, '--loop', '--speed', '100', '--mqtt', service.mqttUrl]);
  await vi.waitFor(async () => expect((await api.post('/v1/verify')).position).toBeGreaterThan(before + 20), SOON);
  looping.child.kill('SIGINT');
  const { code, stdout } = await looping.ended;
  expect(Number(stdout.split(' ')[0])).toBeGreaterThan(2);
  expect(code).toBe(0);
  expect(await eventsOf('looped')).toHaveLength(2);
});
