// The least that a Node process can do with a connection, as a peer of the broker's figures: every piece read is answered
// with four bytes. Prints its port; ends with its parent.
import { type AddressInfo, createServer } from 'node:net';

/** CONNACK, and PUBACK of packet 1: the generator counts bytes. */
const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PUBACK = Buffer.from([0x40, 2, 0, 1]);

const server = createServer({ noDelay: true }, (socket) => {
  let answer = CONNACK;
  socket.on('error', () => socket.destroy());
  socket.on('data', () => {
    socket.write(answer);
    answer = PUBACK;
  });
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on('disconnect', () => process.exit());
