// A client that speaks MQTT packet by packet over a bare socket, so that tests decide every byte and see every answer.
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';

/** How long an expected packet, or the end of the connection, may take; far above what it does take. */
const PATIENCE_MS = 10_000;

export type Wire = AsyncDisposable & {
  readonly socket: Socket;
  /** Every packet received and not yet taken by `next`. */
  readonly received: Packet[];
  /** True once the server has closed the connection. */
  readonly ended: boolean;
  /** Writes the packets in one piece; bytes are sent as they are. */
  send(...packets: (Packet | Uint8Array)[]): void;
  /** The next packet; rejects when the connection ends before it comes. */
  next(): Promise<Packet>;
  /** Resolves when the server has closed the connection. */
  closed(): Promise<void>;
  /** CONNECT and its CONNACK; throws when it is refused. */
  connect(options?: Partial<IConnectPacket>): Promise<void>;
  /** PINGREQ and its answer; what came before the answer stays in `received`. */
  ping(): Promise<void>;
  destroy(): void;
};

let clients = 0;

/** Opens a socket to the broker on `port`, with `tls` one that speaks TLS; says nothing yet. Answers are read as those of `protocolVersion`. */
export async function openWire(
  port: number,
  tls?: ConnectionOptions,
  options: { readonly protocolVersion?: 4 | 5; readonly localAddress?: string } = {},
): Promise<Wire> {
  const { protocolVersion = 4, ...more } = options;
  const to = { port, host: '127.0.0.1', ...more };
  const socket = tls === undefined ? connectSocket({ ...to, noDelay: true }) : connectTls({ ...to, ...tls });
  await once(socket, tls === undefined ? 'connect' : 'secureConnect');
  return wireOn(socket, protocolVersion);
}

/** The packets on a socket that is open already, of either side. */
export function wireOn(socket: Socket, protocolVersion: 4 | 5): Wire {
  const received: Packet[] = [];
  let ended = false;
  let changed: (() => void)[] = [];
  const wake = () => {
    const waiting = changed;
    changed = [];
    for (const resolve of waiting) resolve();
  };
  const incoming = parser({ protocolVersion });
  incoming.on('packet', (packet) => {
    received.push(packet);
    wake();
  });
  socket.on('data', (chunk: Buffer) => incoming.parse(chunk));
  socket.on('error', () => {});
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      ended = true;
      wake();
    });
  }

  /** Waits until `found` answers something. */
  const until = async <Found>(what: string, found: () => Found | undefined): Promise<Found> => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      wake();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const value = found();
        if (value !== undefined) return value;
        if (late) throw new Error(`${what}: nothing within ${PATIENCE_MS} ms`);
        if (ended) throw new Error(`${what}: the server closed the connection`);
        await new Promise<void>((resolve) => changed.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  };
  const send = (...packets: (Packet | Uint8Array)[]) => {
    socket.write(Buffer.concat(packets.map((packet) => (packet instanceof Uint8Array ? packet : generate(packet)))));
  };
  const destroy = () => void socket.destroy();
  return {
    socket,
    received,
    get ended() {
      return ended;
    },
    send,
    next: () => until('next packet', () => received.shift()),
    closed: () => until('end of the connection', () => (ended ? null : undefined)).then(() => undefined),
    connect: async (options = {}) => {
      send(connectPacket(options));
      const answer = await until('CONNACK', () => received.shift());
      if (answer.cmd !== 'connack' || answer.returnCode !== 0) throw new Error(`no welcome: ${JSON.stringify(answer)}`);
    },
    ping: async () => {
      send({ cmd: 'pingreq' });
      await until('PINGRESP', () => {
        const at = received.findIndex((packet) => packet.cmd === 'pingresp');
        return at === -1 ? undefined : received.splice(at, 1);
      });
    },
    destroy,
    [Symbol.asyncDispose]: async () => destroy(),
  };
}

/** A CONNECT of MQTT 3.1.1 with a client id of its own. */
export function connectPacket(options: Partial<IConnectPacket> = {}): IConnectPacket {
  clients += 1;
  const clientId = `wire-${clients}`;
  return { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: true, keepalive: 0, ...options };
}

/** A PUBLISH; QoS 1 unless told otherwise. */
export function publishPacket(
  topic: string,
  payload: string | Buffer,
  messageId: number,
  options: { qos?: 0 | 1 | 2; dup?: boolean; retain?: boolean } = {},
): Packet {
  const { qos = 1, dup = false, retain = false } = options;
  const packet = { cmd: 'publish', topic, payload, qos, dup, retain } as const;
  return qos === 0 ? packet : { ...packet, messageId };
}
