// A connection that is over while aedes takes its CONNECT: aedes is rid of it all the same.
import { once } from 'node:events';
import { Aedes, type Client } from 'aedes';
import { expect, test } from 'vitest';
import { AedesStream } from '../../broker/aedes-stream.ts';
import type { Guard } from '../../broker/guard.ts';

test('aedes forgets whoever has left, before it was ready or after', async () => {
  const aedes = await Aedes.createBroker();
  aedes.on('clientReady', (client) => (client.conn as unknown as AedesStream).ready());
  const sent: Buffer[] = [];
  const connect = (clientId: string) => {
    const guard = { clientId, level: 4, flow: () => undefined, destroy: () => undefined };
    const stream = new AedesStream({ ...guard, send: (bytes: Buffer) => sent.push(bytes) } as unknown as Guard);
    aedes.handle(stream as unknown as Client['conn']);
    return stream;
  };
  for (const isReady of [false, true]) {
    const stream = connect(`ready-${isReady}`);
    const ready = once(aedes, 'clientReady');
    const gone = once(aedes, 'clientDisconnect');
    if (isReady) await ready;
    stream.leave();
    await gone;
    expect(aedes.connectedClients).toBe(0);
  }
  expect(sent).toEqual([]);
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
});
