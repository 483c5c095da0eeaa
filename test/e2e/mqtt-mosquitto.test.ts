// mosquitto's own clients publish to footfall as they do to mosquitto.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsIn, startTestBroker, type TestBroker } from '../support/broker.ts';

const run = promisify(execFile);
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const missing = await run('mosquitto_pub', ['--help']).then(
  () => false,
  (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
);
if (missing) process.stderr.write('skipped: mosquitto_pub is not installed (Debian package mosquitto-clients)\n');

describe.skipIf(missing)('mosquitto_pub', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startTestBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const publish = (...more: string[]) =>
    run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(broker.port), '-t', 'dpu/423/events', ...more]);

  test.each(['0', '1', '2'])('publishes with QoS %s and is done when the event is stored', async (qos) => {
    broker.records.length = 0;
    await publish('-q', qos, '-m', EVENT);
    await broker.until(() => broker.records.length > 0);
    expect(eventsIn(broker.records)).toMatchObject([{ dpuId: '423', direction: 1 }]);
  });

  test.each(['0', '1', '2'])('publishes in MQTT 5 with QoS %s', async (qos) => {
    broker.records.length = 0;
    await publish('-V', '5', '-q', qos, '-m', EVENT, '-D', 'publish', 'user-property', 'a', 'b');
    await broker.until(() => broker.records.length > 0);
    expect(eventsIn(broker.records)).toMatchObject([{ dpuId: '423', direction: 1 }]);
  });

  test('publishes a line at a time, retained, with a will and a session', async () => {
    broker.records.length = 0;
    const options = [
      '-q',
      '1',
      '-r',
      '-c',
      '-i',
      'lines',
      '--will-topic',
      'gone',
      '--will-payload',
      'x',
      '--repeat',
      '20',
    ];
    await publish(...options, '-m', EVENT);
    expect(eventsIn(broker.records)).toHaveLength(20);
  });
});
