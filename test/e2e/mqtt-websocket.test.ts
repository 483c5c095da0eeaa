// MQTT over WebSocket: on a port of its own and on another service's HTTP server.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectAsync } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventsIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { connectPacket, publishPacket } from '../support/mqtt-wire.ts';

const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const http = createServer((_request, response) => response.end('footfall'));
let broker: TestBroker;
let httpPort: number;

beforeAll(async () => {
  broker = await startTestBroker({ wsPort: 0 });
  http.on('upgrade', broker.service.handleUpgrade);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  httpPort = (http.address() as AddressInfo).port;
});

afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await new Promise((resolve) => http.close(resolve));
});

const portOf = (where: string): number => (where === 'its own' ? (broker.service.ports.ws as number) : httpPort);

test.each(['its own', 'the HTTP'])('MQTT.js connects and publishes on %s port', async (where) => {
  broker.records.length = 0;
  const client = await connectAsync(`ws://127.0.0.1:${portOf(where)}/mqtt`);
  await Promise.all(Array.from({ length: 20 }, () => client.publishAsync(TOPIC, EVENT, { qos: 1 })));
  await client.endAsync();
  expect(eventsIn(broker.records)).toHaveLength(20);
});

/** Opens a WebSocket, and collects what comes out of it. */
async function open(protocol = 'mqtt') {
  const socket = new WebSocket(`ws://127.0.0.1:${httpPort}/mqtt`, protocol);
  const incoming = parser();
  const packets: Packet[] = [];
  incoming.on('packet', (packet) => packets.push(packet));
  socket.on('message', (data: Buffer) => incoming.parse(data));
  await once(socket, 'open');
  return { socket, packets };
}

test('CONNECT byte by byte, then several packets in one frame', async () => {
  const { socket, packets } = await open();
  for (const byte of generate(connectPacket())) socket.send(Buffer.of(byte));
  const rest: Packet[] = [publishPacket(TOPIC, EVENT, 1), publishPacket(TOPIC, EVENT, 2), { cmd: 'disconnect' }];
  socket.send(Buffer.concat(rest.map((packet) => generate(packet))));
  await once(socket, 'close');
  expect(packets.map((packet) => [packet.cmd, packet.messageId])).toEqual([
    ['connack', undefined],
    ['puback', 1],
    ['puback', 2],
  ]);
});

test('the subprotocol is named in the answer', async () => {
  const { socket } = await open();
  expect(socket.protocol).toBe('mqtt');
  socket.terminate();
});

test('text frames close the connection', async () => {
  const { socket } = await open();
  socket.send(generate(connectPacket()).toString('latin1'));
  const [code] = await once(socket, 'close');
  expect(code).toBe(1003);
});

test('a frame of a megabyte closes the connection', async () => {
  const { socket } = await open();
  socket.send(Buffer.alloc(1024 * 1024));
  await once(socket, 'close');
});

test.each([
  ['/v1/else', ['mqtt'], 404],
  ['/mqtt/', ['mqtt'], 404],
  ['/mqtt', [], 400],
  ['/mqtt', ['chat'], 400],
])('an upgrade of %s with %j is answered with %i', async (path, protocols, status) => {
  const socket = new WebSocket(`ws://127.0.0.1:${httpPort}${path}`, protocols);
  const [error] = await once(socket, 'error');
  expect((error as Error).message).toBe(`Unexpected server response: ${status}`);
});

test('other requests to the port of its own are asked to upgrade', async () => {
  const response = await fetch(`http://127.0.0.1:${broker.service.ports.ws}/`);
  expect(response.status).toBe(426);
});
