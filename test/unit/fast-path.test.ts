// What is answered in one turn leaves in one write: a flood of pings in one piece must not hold up everybody else.
import { expect, test } from 'vitest';
import { AcknowledgementTimes } from '../../broker/acknowledgement-times.ts';
import { FastPath } from '../../broker/fast-path.ts';

test('answers to the pings of one turn leave together, once', () => {
  const sent: string[] = [];
  const due: FastPath[] = [];
  const owner = {
    accepted: null,
    flushSoon: (path: FastPath) => void due.push(path),
    send: (bytes: string) => void sent.push(bytes),
    answered: () => undefined,
  };
  // Pings ask nothing of ingest.
  const path = new FastPath(undefined as never, new AcknowledgementTimes(() => 0), owner);
  for (let ping = 0; ping < 3; ping++) path.pong();
  expect([sent, due]).toEqual([[], [path]]);
  path.flush();
  path.flush();
  expect(sent).toEqual(['\xd0\x00\xd0\x00\xd0\x00']);
});
