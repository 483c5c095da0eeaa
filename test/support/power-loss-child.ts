// The process that is recorded: takes in the workload and says, in order with its disk calls, what it has acknowledged.
//
//   node power-loss-child.ts DATA_DIR MARKS_FILE SEED LENGTH FROM_MESSAGE acknowledge_first|cursor_apart|none
import { openSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { seededRandom } from '../fault/seed.ts';
import { openStores, type Stores } from './power-loss-stores.ts';
import { makeWorkload } from './power-loss-workload.ts';

const [dataDir = '', marksPath = '', seed, length, from, plant] = process.argv.slice(2);

// Small logs, so that SQLite's own checkpoints come often in a short recording; nothing else is other than in service.
const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (sql) {
  return exec.call(this, sql.replace(/wal_autocheckpoint = \d+/, 'wal_autocheckpoint = 60'));
};

const marks = openSync(marksPath, 'a');
const mark = (text: string) => writeSync(marks, `${text}\n`);
const random = seededRandom(Number(seed), Number(from), 2);
const workload = makeWorkload(Number(seed), Number(length));
const open = () => openStores(dataDir, plant === 'cursor_apart' ? 'cursor_apart' : 'none');

/** About there it is closed and opened again, a graceful stop and start. */
let reopenAt = Math.floor(workload.messages.length / 4);

function send(stores: Stores, number: number): Promise<void> {
  const message = workload.messages[number];
  if (message === undefined) return Promise.resolve();
  if (plant === 'acknowledge_first') mark(`message ${number}`);
  return new Promise((resolve) =>
    stores.ingest.accept(
      { dpuId: message.dpuId, topic: `dpu/${message.dpuId}/events`, payload: Buffer.from(message.payload) },
      () => {
        if (plant !== 'acknowledge_first') mark(`message ${number}`);
        resolve();
      },
    ),
  );
}

let stores = await open();
await stores.plan.load();
for (let number = Number(from); number < workload.messages.length; ) {
  for (const step of workload.facts) {
    if (step.before > number || stores.plan.plan.factNumber >= step.upTo) continue;
    await stores.plan.record(() => step.changes, null);
    mark(`facts ${step.upTo}`);
  }
  // Mostly one entry a message; sometimes several wait for the same one.
  const group = random.chance(0.7) ? 1 : 1 + random.below(5);
  const sent = Array.from({ length: group }, (_, index) => send(stores, number + index));
  number += group;
  await Promise.all(sent);
  if (random.chance(0.5)) await stores.processor.caughtUp(10_000);
  if (number < reopenAt) continue;
  reopenAt = Number.POSITIVE_INFINITY;
  await stores.close();
  stores = await open();
  await stores.plan.load();
}
await stores.processor.caughtUp(10_000);
process.kill(process.pid, 'SIGKILL');
