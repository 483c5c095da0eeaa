// Frames are found the same however the bytes are cut, and what cannot be a client's is refused at its first bytes.
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { checkFirstByte, FrameError, type Header, readHeader } from '../../broker/frames.ts';
import { Leftover } from '../../broker/leftover.ts';
import { connectPacket, publishPacket } from '../support/mqtt-wire.ts';

const PACKETS: Packet[] = [
  connectPacket(),
  publishPacket('dpu/423/events', '', 1),
  publishPacket('dpu/423/events', 'x'.repeat(127), 2),
  publishPacket('dpu/423/events', 'x'.repeat(20_000), 3),
  { cmd: 'pingreq' },
  { cmd: 'disconnect' },
];
const BYTES = PACKETS.map((packet) => generate(packet));

const newHeader = (): Header => ({ type: 0, flags: 0, bodyAt: 0, end: 0 });

test('finds every frame, wherever the stream is cut', () => {
  const stream = Buffer.concat(BYTES);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 40 }), (cuts) => {
      const edges = [0, ...cuts.sort((one, other) => one - other), stream.length];
      const leftover = new Leftover();
      const header = newHeader();
      const seen: Buffer[] = [];
      for (const [index, edge] of edges.slice(1).entries()) {
        const bytes = leftover.join(stream.subarray(edges[index], edge));
        let at = 0;
        while (at < bytes.length && readHeader(bytes, at, header) && header.end <= bytes.length) {
          seen.push(bytes.subarray(at, header.end));
          at = header.end;
        }
        leftover.keep(bytes, at);
      }
      expect(Buffer.concat(seen)).toEqual(stream);
      expect(seen.map((frame) => frame.length)).toEqual(BYTES.map((frame) => frame.length));
      expect(leftover.bytes).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('what has come of a packet is put together, however small the pieces', () => {
  const leftover = new Leftover();
  const whole = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index & 0xff));
  for (const byte of whole) leftover.keep(leftover.join(Buffer.of(byte)), 0);
  expect(leftover.join(Buffer.alloc(0))).toEqual(whole);
});

test('reads the longest remaining length', () => {
  const header = newHeader();
  expect(readHeader(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 0, header)).toBe(true);
  expect(header).toEqual({ type: 3, flags: 0, bodyAt: 5, end: 5 + 268_435_455 });
});

test.each([
  [[0x30, 0x80, 0x80, 0x80, 0x80]],
  [[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
])('refuses the never-ending length %j at its fourth byte', (bytes) => {
  expect(readHeader(Buffer.from(bytes.slice(0, 4)), 0, newHeader())).toBe(false);
  expect(() => readHeader(Buffer.from(bytes.slice(0, 5)), 0, newHeader())).toThrow(FrameError);
});

test('exactly these first bytes are a client’s', () => {
  const allowed = Array.from({ length: 256 }, (_, first) => first).filter((first) => {
    try {
      checkFirstByte(first);
      return true;
    } catch {
      return false;
    }
  });
  const publishes = [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3a, 0x3b, 0x3c, 0x3d];
  expect(allowed).toEqual([0x10, ...publishes, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0]);
});
