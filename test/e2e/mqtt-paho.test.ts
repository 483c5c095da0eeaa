// A client in another language: Eclipse Paho for Python publishes to footfall in both versions of MQTT.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsIn, startTestBroker, type TestBroker } from '../support/broker.ts';

const run = promisify(execFile);
/** A Python that has paho-mqtt. */
const PYTHON = process.env['FOOTFALL_TEST_PYTHON'] ?? 'python3';
const PROGRAM = join(import.meta.dirname, '..', 'support', 'paho-publish.py');
const missing = await run(PYTHON, ['-c', 'import paho.mqtt']).then(
  () => false,
  () => true,
);
if (missing)
  process.stderr.write(
    `skipped: ${PYTHON} has no paho-mqtt (pip install paho-mqtt; FOOTFALL_TEST_PYTHON names another Python)\n`,
  );

describe.skipIf(missing)('Paho', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startTestBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  test.each([
    ['3.1.1', '4', '0'],
    ['3.1.1', '4', '1'],
    ['3.1.1', '4', '2'],
    ['5', '5', '0'],
    ['5', '5', '1'],
    ['5', '5', '2'],
  ])('publishes in MQTT %s (level %s) with QoS %s', async (_version, level, qos) => {
    broker.records.length = 0;
    await run(PYTHON, [PROGRAM, String(broker.port), level, qos]);
    await broker.until(() => eventsIn(broker.records).length === 30);
    expect(eventsIn(broker.records)).toHaveLength(30);
  });
});
