// Accepted sockets that are read into one buffer and written to past Node's stream: like any others in what comes and goes.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../../broker/limits.ts';
import { Peer } from '../../broker/peer.ts';
import { type PlainSocket, plainSocketOf } from '../../broker/plain-socket.ts';

const SOON = { timeout: 10_000, interval: 5 };

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
  const served = plainSocketOf(socket);
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
  const served = plainSocketOf(socket);
  expect(served.destroyed).toBe(true);
});

/** What stands at the near end of a connection in the broker, as far as writing goes. */
function peerOf(served: Socket): Peer {
  const peer = new Peer(served, LIMITS, { recentMs: 0, patienceChanged: () => undefined });
  (served as PlainSocket).owner = { receive: () => undefined, gone: () => peer.gone() };
  return peer;
}

test('answers to a client that reads late come whole and in order, between them what goes through the stream', async () => {
  const { client, served } = await pair();
  client.pause();
  const peer = peerOf(served);
  let sent = '';
  // More than the system takes for a client that does not read.
  for (let answer = 0; peer.unsentBytes < 100_000; answer++) {
    const bytes = `answer ${answer};`.padEnd(1_000, '.');
    peer.send(answer % 5 === 0 ? Buffer.from(bytes) : bytes, answer % 7 === 0 ? () => undefined : undefined);
    sent += bytes;
  }
  let received = '';
  client
    .setEncoding('latin1')
    .on('data', (piece: string) => (received += piece))
    .resume();
  await vi.waitFor(() => expect([peer.unsentBytes, received.length]).toEqual([0, sent.length]), SOON);
  const throughStream = served.bytesWritten;
  for (let answer = 0; answer < 100; answer++) {
    peer.send(`last ${answer};`);
    sent += `last ${answer};`;
  }
  expect(served.bytesWritten).toBe(throughStream);
  peer.close();
  await once(client, 'end');
  expect(received === sent).toBe(true);
});

test('what is due to one that is gone does not reach another that has got its descriptor', async () => {
  const gone = await pair();
  const peer = peerOf(gone.served);
  const { descriptor } = gone.served as PlainSocket;
  gone.client.destroy();
  gone.served.destroy();
  // The next ones are those of these two again, if nothing else has taken them meanwhile.
  let next = await pair();
  for (let tries = 1; (next.served as PlainSocket).descriptor !== descriptor; tries++) {
    expect(tries).toBeLessThan(20);
    next.client.destroy();
    next.served.destroy();
    next = await pair();
  }
  peer.send('not for you');
  next.served.write('for you');
  const [answer] = (await once(next.client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('for you');
});
