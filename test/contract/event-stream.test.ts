// Events of several DPUs as one stream: every one once, in order, whatever pages it is read in; and pages from thread to thread.
import { expect, test } from 'vitest';
import { eventsOfDpu, eventsOfDpus } from '../../shared/event-stream.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { MappedEvent, StoredEvent } from '../../shared/storage/history.ts';
import { packPage, unpackPage } from '../../shared/storage/sqlite/event-columns.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';

const BEGIN_MS = Date.UTC(2026, 0, 15);
const DAY_MS = 86_400_000;
const EVER = { fromMs: 0, untilMs: Date.UTC(2100, 0, 1) };
const dpu = (name: string) => name as DpuId;

function event(dpuId: string, timestampMs: number, seq: number | null): MappedEvent {
  const mapping = { status: 'counted', enters: ['hall' as SpaceId], leaves: [] } as const;
  const times = { timestampMs, receivedAtMs: timestampMs + 5, recordedAtMs: timestampMs + 7 };
  return { dpuId: dpu(dpuId), direction: 1, epoch: null, seq, mapping, position: 1, ...times };
}

/** More than a page over a month, more than a page in one millisecond, a few before and after, and nothing. */
const EVENTS: readonly MappedEvent[] = [
  ...Array.from({ length: 12_000 }, (_, index) => event('long', BEGIN_MS + index * 216_000, null)),
  ...Array.from({ length: 11_000 }, (_, index) => event('burst', BEGIN_MS + 3 * DAY_MS, index)),
  ...[-400 * DAY_MS, 5 * DAY_MS, 400 * DAY_MS].map((ms) => event('few', BEGIN_MS + ms, null)),
];
const DPUS = ['burst', 'few', 'long', 'silent'].map(dpu);

const textOf = ({ dpuId, timestampMs, seq }: Pick<StoredEvent, 'dpuId' | 'timestampMs' | 'seq'>) =>
  `${dpuId} ${timestampMs} ${seq}`;

test('events of several DPUs come in the order of their timestamps, each once, some at a time', async () => {
  const dataDir = temporaryDir();
  const writer = openHistoryWriter(dataDir);
  const reader = openHistoryReader(dataDir);
  const batch = { partition: 0, position: 1, events: EVENTS, quarantined: [], replayed: [], heard: [] };
  await writer.commit(batch, () => null);
  for (const span of [EVER, { fromMs: BEGIN_MS + DAY_MS, untilMs: BEGIN_MS + 5 * DAY_MS }]) {
    const pieces: (readonly StoredEvent[])[] = [];
    for await (const some of eventsOfDpus(reader, DPUS, span)) pieces.push(some);
    const told = pieces.flat();
    const inside = EVENTS.filter((one) => one.timestampMs >= span.fromMs && one.timestampMs < span.untilMs);
    expect(told.map(textOf).sort()).toEqual(inside.map(textOf).sort());
    expect(told.map((one) => one.timestampMs)).toEqual(told.map((one) => one.timestampMs).sort((a, b) => a - b));
    expect(pieces.length).toBeGreaterThan(1);
    const ofOne: string[] = [];
    for await (const one of eventsOfDpu(reader, dpu('burst'), span)) ofOne.push(textOf(one));
    expect(ofOne).toEqual(inside.filter((one) => one.dpuId === 'burst').map(textOf));
  }
  for await (const _ of eventsOfDpus(reader, [], EVER)) expect.unreachable();
  await reader.close();
  await writer.close();
  removeDir(dataDir);
});

test('a page of events is the same in the other thread', () => {
  const stored = (more: Partial<StoredEvent>): StoredEvent => {
    const { mapping: _, position: __, ...rest } = event('a', BEGIN_MS, null);
    return { ...rest, status: 'counted', ...more };
  };
  const results = [
    stored({}),
    stored({ dpuId: dpu('b'), direction: -1, epoch: 0, seq: 2 ** 53 - 1, status: 'unplaced' }),
    stored({ timestampMs: 1, receivedAtMs: 2.5, recordedAtMs: 8.64e15, epoch: 7, status: 'voided' }),
    stored({ dpuId: dpu('b'), seq: 0 }),
  ];
  for (const page of [
    { total: 9, next: 'more', results },
    { total: 0, next: null, results: [] },
  ]) {
    expect(unpackPage(structuredClone(packPage(page)))).toEqual(page);
  }
});
