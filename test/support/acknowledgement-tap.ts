// Between the gateway and another broker: passes everything on, and remembers which events were delivered and acknowledged.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Packet, parser } from 'mqtt-packet';

export type Tap = AsyncDisposable & {
  readonly url: string;
  /** `dpu timestamp direction` of every event whose message was acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** Messages that were delivered, those delivered again included. */
  readonly deliveries: number;
  /** True while there is a subscription to deliver to. */
  readonly isSubscribed: boolean;
};

/** A tap in front of the broker on `port`, which may end and come back. */
export async function startTap(port: number): Promise<Tap> {
  const acknowledged = new Set<string>();
  const sockets = new Set<Socket>();
  let deliveries = 0;
  let subscribed: Socket | null = null;
  const server = createServer((client) => {
    const broker = connect(port, '127.0.0.1');
    const underWay = new Map<number, readonly string[]>();
    watch(broker, (packet) => {
      if (packet.cmd === 'suback') subscribed = broker;
      if (packet.cmd !== 'publish') return;
      deliveries += 1;
      if (packet.messageId !== undefined) underWay.set(packet.messageId, identitiesOf(packet.topic, packet.payload));
    });
    watch(client, (packet) => {
      if (packet.cmd !== 'puback') return;
      for (const identity of underWay.get(packet.messageId as number) ?? []) acknowledged.add(identity);
    });
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    acknowledged,
    get deliveries() {
      return deliveries;
    },
    get isSubscribed() {
      return subscribed !== null && sockets.has(subscribed);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function watch(socket: Socket, seen: (packet: Packet) => void): void {
  const reader = parser({ protocolVersion: 5 });
  reader.on('packet', seen);
  socket.on('data', (chunk: Buffer) => reader.parse(chunk));
}

function identitiesOf(topic: string, payload: string | Buffer): string[] {
  const dpu = topic.split('/')[1];
  const events = [JSON.parse(payload.toString())].flat() as { timestamp: number; direction: number }[];
  return events.map(({ timestamp, direction }) => `${dpu} ${timestamp} ${direction}`);
}
