// Frames are found the same however the bytes are cut, and a header that cannot be is refused at once.
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { FrameError, FrameScanner, type FrameVisitor } from '../../broker/frames.ts';
import { connectPacket, publishPacket } from '../support/mqtt-wire.ts';

type Seen = { readonly type: number; readonly remainingBytes: number };

function recorder(stopBefore: (type: number) => boolean = () => false): FrameVisitor & { readonly seen: Seen[] } {
  const seen: Seen[] = [];
  let sizedBytes = -1;
  return {
    seen,
    begins: (type) => !stopBefore(type),
    sized: (_type, remainingBytes) => {
      sizedBytes = remainingBytes;
    },
    ends: (type) => void seen.push({ type, remainingBytes: sizedBytes }),
  };
}

const PACKETS: Packet[] = [
  connectPacket(),
  publishPacket('dpu/423/events', '', 1),
  publishPacket('dpu/423/events', 'x'.repeat(127), 2),
  publishPacket('dpu/423/events', 'x'.repeat(20_000), 3),
  { cmd: 'pingreq' },
  { cmd: 'disconnect' },
];
const BYTES = PACKETS.map((packet) => generate(packet));
const EXPECTED = BYTES.map((bytes) => ({ type: (bytes[0] as number) >> 4, remainingBytes: remainingOf(bytes) }));

function remainingOf(bytes: Buffer): number {
  let headerBytes = 2;
  while (((bytes[headerBytes - 1] as number) & 0x80) !== 0) headerBytes += 1;
  return bytes.length - headerBytes;
}

test('finds every frame, wherever the stream is cut', () => {
  const stream = Buffer.concat(BYTES);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 40 }), (cuts) => {
      const edges = [0, ...cuts.sort((one, other) => one - other), stream.length];
      const scanner = new FrameScanner();
      const visitor = recorder();
      for (const [index, edge] of edges.slice(1).entries()) {
        const chunk = stream.subarray(edges[index], edge);
        expect(scanner.scan(chunk, visitor)).toBe(chunk.length);
      }
      expect(visitor.seen).toEqual(EXPECTED);
    }),
    { numRuns: 300 },
  );
});

test('stops before a frame that may not begin, and goes on from there', () => {
  const scanner = new FrameScanner();
  const stream = Buffer.concat(BYTES);
  const stopped = recorder((type) => type === 12);
  const passed = scanner.scan(stream, stopped);
  expect(stream.subarray(passed)).toEqual(Buffer.concat(BYTES.slice(4)));
  const rest = recorder();
  scanner.scan(stream.subarray(passed), rest);
  expect([...stopped.seen, ...rest.seen]).toEqual(EXPECTED);
});

test('reads the longest remaining length', () => {
  const visitor = { ...recorder(), sized: (_type: number, bytes: number) => expect(bytes).toBe(268_435_455) };
  expect.assertions(1);
  new FrameScanner().scan(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), visitor);
});

test.each([
  [[0x30, 0x80, 0x80, 0x80, 0x80]],
  [[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
])('refuses the never-ending length %j at its fourth byte', (bytes) => {
  const scanner = new FrameScanner();
  scanner.scan(Buffer.from(bytes.slice(0, 4)), recorder());
  expect(() => scanner.scan(Buffer.from(bytes.slice(4, 5)), recorder())).toThrow(FrameError);
});
