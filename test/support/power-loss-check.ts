// Recovers one disk state with the real code and says what is wrong with it; nothing is the only good answer.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../../shared/clock.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { StoredEvent } from '../../shared/storage/history.ts';
import { journalPath } from '../../shared/storage/sqlite/journal-file.ts';
import { Model } from './model.ts';
import { type DiskState, materialise } from './power-loss-disk.ts';
import { openStores, type Stores } from './power-loss-stores.ts';
import { identityOf, type Workload } from './power-loss-workload.ts';

/** What had been promised when the power went. */
export type Acknowledged = { readonly messages: ReadonlySet<number>; readonly facts: number };

export type Check = {
  readonly workload: Workload;
  readonly acknowledged: Acknowledged;
  /** Also compares counts with a brute-force model and lets SQLite check its files; slow. */
  readonly isThorough: boolean;
};

/** Whole days around everything in the workload. */
const ALL = { fromMs: Date.UTC(2026, 0, 1), untilMs: Date.UTC(2027, 0, 1) };
const TIMEOUT_MS = 20_000;

/** Uses and empties `folder`. Each line is something that must not be. */
export async function checkState(state: DiskState, folder: string, check: Check): Promise<string[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  materialise(state, folder);
  try {
    const stores = await openStores(folder);
    try {
      const faults = await Promise.race([findFaults(stores, folder, check), stores.failed]);
      return check.isThorough ? [...faults, ...quickCheck(folder)] : faults;
    } finally {
      await stores.close();
    }
  } catch (error) {
    return [`recovery failed: ${error instanceof Error ? error.stack : error}`];
  }
}

async function findFaults(stores: Stores, folder: string, check: Check): Promise<string[]> {
  const { workload, acknowledged } = check;
  const faults: string[] = [];
  await stores.plan.load();
  if (stores.plan.plan.factNumber < acknowledged.facts) {
    faults.push(`fact ${acknowledged.facts} was acknowledged, the newest is ${stores.plan.plan.factNumber}`);
  }
  const end = journalEnd(folder);
  let verification = await stores.processor.verify();
  while (verification.position < end) {
    if (!(await stores.processor.caughtUp(TIMEOUT_MS))) return [...faults, 'the journal is not taken in'];
    verification = await stores.processor.verify();
  }
  if (verification.position > end) {
    faults.push(
      `taken in up to ${verification.position}, the journal ends at ${end}: what comes next would be passed over`,
    );
  }
  for (const found of verification.discrepancies) faults.push(`verify: ${JSON.stringify(found)}`);
  const events = await storedEvents(stores);
  faults.push(...compareEvents(events, workload, acknowledged), ...(await compareQuarantine(stores, check)));
  if (check.isThorough) faults.push(...(await compareCounts(stores, events)));
  // Waiting for what cannot come would only cost time.
  return check.isThorough && faults.length === 0 ? goOn(stores, events.length) : faults;
}

/** The service goes on: one more event is stored and counted. */
async function goOn(stores: Stores, eventsBefore: number): Promise<string[]> {
  const event = { timestamp: ALL.fromMs, direction: 1 };
  const message = { dpuId: 'd0' as DpuId, topic: null, payload: Buffer.from(JSON.stringify(event)) };
  if (!stores.plan.plan.dpus.has(message.dpuId)) return [];
  await new Promise((resolve) => stores.ingest.accept(message, resolve));
  const deadlineMs = systemClock.monotonicMs() + TIMEOUT_MS;
  while (systemClock.monotonicMs() < deadlineMs) {
    await stores.processor.caughtUp(TIMEOUT_MS);
    if ((await storedEvents(stores)).length === eventsBefore + 1) return [];
  }
  return ['an event sent after the recovery is not stored'];
}

/** The position of the newest entry, which is never deleted. */
function journalEnd(folder: string): number {
  const database = new DatabaseSync(journalPath(folder, 0), { readOnly: true });
  const end = Number(database.prepare('SELECT max(position) AS at FROM entry').get()?.['at'] ?? 0);
  database.close();
  return end;
}

async function storedEvents({ reader }: Stores): Promise<readonly StoredEvent[]> {
  const page = await reader.events({ by: 'timestamp', span: ALL, order: 'asc', limit: 100_000 });
  return page.results;
}

function compareEvents(events: readonly StoredEvent[], workload: Workload, acknowledged: Acknowledged): string[] {
  const faults: string[] = [];
  const stored = new Set<string>();
  for (const event of events) {
    const identity = identityOf(event);
    if (stored.has(identity)) faults.push(`stored twice: ${identity}`);
    stored.add(identity);
  }
  const sent = new Set<string>();
  for (const [number, { identities }] of workload.messages.entries()) {
    for (const identity of identities) {
      sent.add(identity);
      if (acknowledged.messages.has(number) && !stored.has(identity)) faults.push(`acknowledged and lost: ${identity}`);
    }
  }
  for (const identity of stored.difference(sent)) faults.push(`stored but never sent: ${identity}`);
  return faults;
}

/** Every acknowledged unreadable message lies in quarantine (once or, sent again when not acknowledged, more often). */
async function compareQuarantine({ reader }: Stores, { workload, acknowledged }: Check): Promise<string[]> {
  const { results } = await reader.list({ limit: 10_000 });
  const kept = new Set(results.map((item) => Buffer.from(item.payload).toString()));
  return workload.messages
    .filter(({ identities }, number) => identities.length === 0 && acknowledged.messages.has(number))
    .filter(({ payload }) => !kept.has(payload))
    .map(({ payload }) => `acknowledged and not in quarantine: ${payload}`);
}

/** Live counts and history against a model that knows only the stored events and facts. */
async function compareCounts({ reader, floorplan, plan }: Stores, events: readonly StoredEvent[]): Promise<string[]> {
  const model = new Model();
  for (const fact of await floorplan.read(0)) model.record([fact.change], fact.recordedAtMs);
  const faults: string[] = [];
  for (const spaceId of plan.plan.spaces.keys()) {
    const deltas = events.map((event) => {
      const { dpuId: dpu, timestampMs: atMs, direction, seq } = event;
      return { atMs, delta: model.delta({ dpu, atMs, direction, seq }, spaceId) };
    });
    const sumAfter = (startMs: number) =>
      deltas.reduce((sum, { atMs, delta }) => (atMs > startMs ? sum + delta : sum), 0);
    faults.push(...(await compareSpace({ reader }, spaceId, sumAfter)));
  }
  return faults;
}

async function compareSpace(
  { reader }: Pick<Stores, 'reader'>,
  spaceId: SpaceId,
  sumAfter: (startMs: number) => number,
): Promise<string[]> {
  const history = await reader.net(spaceId, null, ALL.untilMs);
  const [live] = await reader.counts([spaceId]);
  const compared = [
    ['history', history, sumAfter(Number.NEGATIVE_INFINITY)],
    ['live', live?.net, sumAfter(Number(live?.startAtMs ?? Number.NEGATIVE_INFINITY))],
  ] as const;
  return compared.flatMap(([name, found, expected]) =>
    found === expected ? [] : [`${name} of ${spaceId} is ${found}, by the model ${expected}`],
  );
}

function quickCheck(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .flatMap((name) => {
      const database = new DatabaseSync(join(folder, name));
      const answer = String(database.prepare('PRAGMA quick_check').get()?.['quick_check']);
      database.close();
      return answer === 'ok' ? [] : [`quick_check of ${name}: ${answer}`];
    });
}
