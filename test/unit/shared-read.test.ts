// Accepted sockets that are read into one buffer: like any others, but for where what they read stands.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readShared } from '../../broker/shared-read.ts';

let server: Server;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

/** Both ends of a new connection. */
async function pair(): Promise<{ client: Socket; served: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
  const served = readShared(socket);
  sockets.push(client, served);
  return { client, served };
}

test('what two of them read stands in the same memory', async () => {
  const [one, other] = [await pair(), await pair()];
  const memory: ArrayBufferLike[] = [];
  for (const { client, served } of [one, other]) {
    client.write('abc');
    const [chunk] = (await once(served, 'data')) as [Buffer];
    memory.push(chunk.buffer);
  }
  expect(memory[0]).toBe(memory[1]);
});

test('all that is sent comes, in order, whatever is paused meanwhile', async () => {
  const { client, served } = await pair();
  const sent = Buffer.alloc(3_000_000, 'the quick brown fox ');
  const pieces: Buffer[] = [];
  served.on('data', (chunk: Buffer) => {
    pieces.push(Buffer.from(chunk));
    served.pause();
    setImmediate(() => served.resume());
  });
  client.end(sent);
  await once(served, 'end');
  expect(Buffer.concat(pieces).equals(sent)).toBe(true);
});

test('while it is paused nothing is read', async () => {
  const { client, served } = await pair();
  let read = 0;
  served.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  served.pause();
  const other = await pair();
  client.write('first');
  other.client.write('second');
  // What was sent before has arrived.
  await once(other.served, 'data');
  expect(read).toBe(0);
  served.resume();
  await once(served, 'data');
  expect(read).toBe(5);
});

test('a client that has said all it had to say is still answered, and knows where it is', async () => {
  const { client, served } = await pair();
  expect(served.remotePort).toBe(client.localPort);
  served.resume();
  client.end('last words');
  await once(served, 'end');
  served.end('answer', 'latin1');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('answer');
});

test('a server that closes does not wait for them, and they stay', async () => {
  const { client, served } = await pair();
  server.close();
  await once(server, 'close');
  client.write('still there');
  const [chunk] = (await once(served, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('still there');
});

test('one that has gone before it could be read is closed', async () => {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await accepted;
  client.destroy();
  socket.destroy();
  const served = readShared(socket);
  expect(served.destroyed).toBe(true);
});
