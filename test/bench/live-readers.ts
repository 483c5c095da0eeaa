// Readers of the live stream, a process of its own: bare sockets, of which some look at every message and tell how old it is.
// Takes a job as its only argument, says `connected`, answers with the result when told `stop`.
import { connect } from 'node:net';
import { systemClock } from '../../shared/clock.ts';
import { percentile } from './percentile.ts';

export type ReadersJob = {
  readonly port: number;
  /** What each reader asks for. */
  readonly queries: readonly string[];
  /** Every so many-th looks at its messages; the others only take them. */
  readonly lookEvery: number;
};

export type ReadersResult = {
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly megabytes: number;
};

const job = JSON.parse(process.argv[2] as string) as ReadersJob;
const agesMs: number[] = [];
let bytes = 0;
let isMeasuring = false;
let left = job.queries.length;
const CHANGE = /"type":"change","space_id":"[^"]*","from":"([^"]*)"/g;

for (const [index, query] of job.queries.entries()) {
  const socket = connect({ port: job.port, host: '127.0.0.1' });
  socket.write(`GET /v1/live${query} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
  socket.once('data', () => {
    left -= 1;
    if (left === 0) process.send?.('connected');
  });
  socket.on('close', () => {
    process.stderr.write(`the stream of reader ${index} was closed\n`);
    process.exit(1);
  });
  let rest = '';
  socket.on('data', (data) => {
    bytes += data.length;
    if (index % job.lookEvery !== 0) return;
    const nowMs = systemClock.nowMs();
    const text = rest + data.toString('latin1');
    const end = text.lastIndexOf('\n\n') + 2;
    rest = text.slice(end);
    if (!isMeasuring) return;
    for (const [, from] of text.slice(0, end).matchAll(CHANGE)) agesMs.push(nowMs - Date.parse(from as string));
  });
}

process.on('message', (message) => {
  if (message === 'measure') {
    isMeasuring = true;
    bytes = 0;
    return;
  }
  const result: ReadersResult = {
    changes: agesMs.length,
    p50Ms: percentile(agesMs, 50),
    p99Ms: percentile(agesMs, 99),
    megabytes: bytes / 1e6,
  };
  process.send?.({ result }, () => process.exit(0));
});
