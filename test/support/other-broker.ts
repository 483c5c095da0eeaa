// The broker that a gateway consumes from, played packet by packet, so that tests decide every byte and see every answer.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { generate, type IConnectPacket, type Packet } from 'mqtt-packet';
import { type Wire, wireOn } from './mqtt-wire.ts';

export type OtherBroker = AsyncDisposable & {
  readonly port: number;
  /** The gateway's next connection, whose CONNECT has come and is not answered. */
  connection(): Promise<{ wire: Wire; connect: IConnectPacket }>;
  /** The same, welcomed and subscribed. */
  subscribed(): Promise<Wire>;
};

export async function startOtherBroker(): Promise<OtherBroker> {
  const sockets: Socket[] = [];
  const all = new Set<Socket>();
  const server = createServer((socket) => {
    all.add(socket);
    sockets.push(socket);
    server.emit('taken');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = async () => {
    while (sockets.length === 0) await once(server, 'taken');
    const wire = wireOn(sockets.shift() as Socket, 5);
    const connect = await wire.next();
    if (connect.cmd !== 'connect') throw new Error(`no CONNECT: ${JSON.stringify(connect)}`);
    return { wire, connect };
  };
  return {
    port: (server.address() as AddressInfo).port,
    connection,
    subscribed: async () => {
      const { wire } = await connection();
      wire.send(welcome());
      const subscribe = await wire.next();
      if (subscribe.cmd !== 'subscribe') throw new Error(`no SUBSCRIBE: ${JSON.stringify(subscribe)}`);
      wire.send(five({ cmd: 'suback', messageId: subscribe.messageId as number, granted: [1] }));
      return wire;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of all) socket.destroy();
      server.close();
    },
  };
}

/** A packet of MQTT 5. */
export function five(packet: Packet): Buffer {
  return generate(packet, { protocolVersion: 5 });
}

export function welcome(reasonCode = 0, sessionPresent = false): Buffer {
  return five({ cmd: 'connack', reasonCode, sessionPresent } as Packet);
}
