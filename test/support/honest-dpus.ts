// Honest DPUs, in a process of their own so that only the service can make them wait: each publishes an event, waits for
// its acknowledgement, pings, waits for that. Takes port, number of connections, rest between two (ms) and a password;
// says `ready`; at any message it answers with what it has seen since the one before.
import { generate } from 'mqtt-packet';
import { openWire, publishPacket } from './mqtt-wire.ts';

export type Seen = { readonly answers: number; readonly p99Ms: number; readonly maxMs: number };

const [port = '', connections = '1', restMs = '20', password = ''] = process.argv.slice(2);
let latenciesMs: number[] = [];
let timestampMs = Date.UTC(2018, 1, 24);

async function live(index: number): Promise<void> {
  const wire = await openWire(Number(port));
  const credentials = password === '' ? {} : { username: 'honest', password: Buffer.from(password) };
  await wire.connect({ clientId: `honest-${index}`, ...credentials });
  for (let id = 1; ; id = 1 + (id % 65_535)) {
    timestampMs += 1;
    const event = JSON.stringify({ timestamp: timestampMs, direction: 1 });
    for (const packet of [generate(publishPacket('dpu/honest/events', event, id)), generate({ cmd: 'pingreq' })]) {
      const sentAtMs = performance.now();
      wire.send(packet);
      await wire.next();
      latenciesMs.push(performance.now() - sentAtMs);
      await new Promise((resolve) => setTimeout(resolve, Number(restMs)));
    }
  }
}

process.on('message', () => {
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  latenciesMs = [];
  const seen: Seen = {
    answers: sorted.length,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    maxMs: sorted.at(-1) ?? 0,
  };
  process.send?.(seen);
});
process.on('disconnect', () => process.exit());
await Promise.race([
  Promise.all(Array.from({ length: Number(connections) }, (_, index) => live(index))),
  new Promise((resolve) => setImmediate(resolve)),
]);
process.send?.('ready');
