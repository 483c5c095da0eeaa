// A broker on a real journal whose disk the test can hold back or make fail, to see what is acknowledged, and when.
import { rmSync } from 'node:fs';
import { type BrokerService, type BrokerServiceDependencies, startBroker } from '../../broker/start.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { Ingest } from '../../shared/ingest.ts';
import {
  decodeEntry,
  type EventsRecord,
  type JournalRecord,
  type QuarantinedRecord,
} from '../../shared/journal-entry.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { Journal } from '../../shared/storage/journal.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { temporaryDir } from './temporary-dir.ts';

/** The DPUs that the broker's floor plan knows. */
export const KNOWN_DPUS = ['423', '283'];

export type TestBroker = AsyncDisposable & {
  readonly service: BrokerService;
  readonly port: number;
  readonly writer: JournalWriter;
  readonly ingest: Ingest;
  /** Every record that is durable, in order. */
  readonly records: JournalRecord[];
  /** From now on nothing becomes durable, until `release`. */
  hold(): void;
  release(): void;
  /** From now on every append fails with `error`; null: no more. */
  failWith(error: Error | null): void;
  /** Resolves when `condition` holds; looked at whenever something has become durable, or was tried. */
  until(condition: () => boolean): Promise<void>;
};

export type TestBrokerOptions = {
  readonly authenticate?: BrokerServiceDependencies['authenticate'];
  readonly wsPort?: number | null;
  readonly clock?: Clock;
  readonly limits?: BrokerServiceDependencies['limits'];
  readonly proxyProtocol?: boolean;
};

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const dataDir = temporaryDir();
  const clock = options.clock ?? systemClock;
  const log = createLog('silent');
  const appender = openJournalAppender(dataDir, 0, clock);
  const disk = createDisk(appender);
  const writer = new JournalWriter(disk, 1, clock, log);
  const ingest = new Ingest({
    writer,
    plan: planOf(KNOWN_DPUS),
    clock,
    futureAllowedMs: 300_000,
    latenessAllowedMs: 60_000,
  });
  const { authenticate, wsPort = null, limits = {}, proxyProtocol = false } = options;
  const service = await startBroker(
    { ingest, clock, log, limits, ...(authenticate === undefined ? {} : { authenticate }) },
    {
      host: '127.0.0.1',
      ports: { mqtt: 0, ws: wsPort, mqtts: null },
      proxyProtocol,
      tls: null,
      ticketKeys: new Uint8Array(),
    },
  );
  return {
    service,
    port: service.ports.mqtt as number,
    writer,
    ingest,
    records: disk.records,
    hold: disk.hold,
    release: disk.release,
    failWith: disk.failWith,
    until: disk.until,
    [Symbol.asyncDispose]: async () => {
      disk.failWith(null);
      disk.release();
      await service.close();
      await writer.drained();
      await appender.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** `journal` with a hand on it. */
function createDisk(journal: Pick<Journal, 'append'>) {
  const records: JournalRecord[] = [];
  let failure: Error | null = null;
  let held: PromiseWithResolvers<void> | null = null;
  const waiting: { condition: () => boolean; resolve: () => void }[] = [];
  const look = () => {
    for (const one of [...waiting]) {
      if (!one.condition()) continue;
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve();
    }
  };
  const append: Journal['append'] = async (...parameters) => {
    await held?.promise;
    // A turn later, so that what waits sees the writer after this attempt.
    setImmediate(look);
    if (failure !== null) throw failure;
    await journal.append(...parameters);
    records.push(...decodeEntry(parameters[1]));
  };
  return {
    append,
    records,
    hold: () => {
      held = Promise.withResolvers();
    },
    release: () => {
      held?.resolve();
      held = null;
    },
    failWith: (error: Error | null) => {
      failure = error;
    },
    until: (condition: () => boolean) => {
      if (condition()) return Promise.resolve();
      return new Promise<void>((resolve) => waiting.push({ condition, resolve }));
    },
  };
}

function planOf(dpuIds: readonly string[]): Floorplan {
  const plan = new Floorplan();
  for (const [index, id] of dpuIds.entries()) {
    const change = { kind: 'dpu', id: id as DpuId, name: id, retiredAtMs: null } as const;
    plan.apply({ number: index + 1, recordedAtMs: 0, by: null, change });
  }
  return plan;
}

export function eventsIn(records: readonly JournalRecord[]): EventsRecord['events'][number][] {
  return records.flatMap((record) => (record.kind === 'events' ? record.events : []));
}

export function quarantinedIn(records: readonly JournalRecord[]): QuarantinedRecord[] {
  return records.filter((record) => record.kind === 'quarantined');
}
