// Several broker workers are one broker to Prometheus: what all of them count is added up, and one that dies takes nothing away.
import { expect, test, vi } from 'vitest';
import { sampleOf, scrape } from '../support/metrics.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { startService } from '../support/service.ts';
import { killWorker, REACH, workersOf } from '../support/workers.ts';

const SOON = { timeout: 5_000, interval: 50 };

test('connections, acknowledgements and refusals of all workers, also of one that has ended', async () => {
  await using service = await startService({
    environment: { FOOTFALL_BROKER_WORKERS: '2', FOOTFALL_METRICS_PORT: '0' },
  });
  const wires: Wire[] = [];
  for (let index = 0; index < REACH; index++) {
    const wire = await openWire(service.mqttPort);
    wires.push(wire);
    await wire.connect({ clientId: `any-${index}` });
    wire.send(publishPacket('dpu/w/events', '{"timestamp":1,"direction":1}', 1));
    expect(await wire.next()).toMatchObject({ cmd: 'puback' });
  }
  const broken = await openWire(service.mqttPort);
  broken.send(Buffer.from([0x30, 0]));
  await broken.closed();
  const told = async () => {
    const samples = await scrape(service);
    return {
      connections: sampleOf(samples, 'footfall_mqtt_connections'),
      acknowledged: sampleOf(samples, 'footfall_mqtt_acknowledgement_seconds_count'),
      refused: sampleOf(samples, 'footfall_mqtt_refusals_total', { reason: 'protocol_error' }),
    };
  };
  expect(await told()).toEqual({ connections: REACH, acknowledged: REACH, refused: 1 });
  for (const pid of workersOf(service)) await killWorker(service, pid);
  await vi.waitFor(async () => expect(await told()).toEqual({ connections: 0, acknowledged: REACH, refused: 1 }), SOON);
  for (const wire of wires) wire.destroy();
});
