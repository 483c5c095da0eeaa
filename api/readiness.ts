// Readiness: what has to hold for the service to take events and answer, each check with its state and what to do.
import type { Check } from '../shared/check.ts';
import type { ClockWatch } from '../shared/clock-watch.ts';
import { type DiskRoom, gigabytes } from '../shared/disk.ts';
import type { Ingest } from '../shared/ingest.ts';
import { gauge, type Reading } from '../shared/metrics/reading.ts';
import type { ProcessorControl } from '../shared/processor-control.ts';
import type { Storage } from '../shared/storage/open.ts';
import type { WebhookRecord } from '../shared/storage/webhooks.ts';
import { isDisabled } from '../shared/webhook.ts';

/** How long the parts of the service may take to show that they answer. */
const ANSWER_TIMEOUT_MS = 2_000;

type Fault = readonly [state: 'warning' | 'failing', detail: string, action: string];

export type ReadinessSources = {
  readonly ingest: Pick<Ingest, 'writer'>;
  readonly processor: Pick<ProcessorControl, 'applied'>;
  readonly history: Pick<Storage['history'], 'counts' | 'openRecounts'>;
  readonly servers: Storage['servers'];
  readonly webhooks: Pick<Storage['webhooks'], 'webhooks'>;
  /** Where the databases are; null: on no disk of this machine. */
  readonly disk: { readonly folder: string; room(): DiskRoom } | null;
  readonly clockWatch: Pick<ClockWatch, 'step'>;
  /** What consumes from another broker in this process; default: nothing. */
  readonly gateway?: { check(): Check } | null;
};

export class Readiness {
  readonly #sources: ReadinessSources;
  #draining = false;

  constructor(sources: ReadinessSources) {
    this.#sources = sources;
  }

  /** From now on nobody should come any more. */
  drain(): void {
    this.#draining = true;
  }

  async checks(): Promise<Check[]> {
    const { ingest, processor, history, servers, webhooks, disk, clockWatch, gateway = null } = this.#sources;
    const looks: [name: string, look: () => Fault | null | Promise<Fault | null>][] = [
      [
        'draining',
        () => (this.#draining ? ['failing', 'the service stops', 'ask another one, or start it again'] : null),
      ],
      ['journal', () => (ingest.writer.failing ? JOURNAL_FAILING : null)],
      ['processor', async () => ((await inTime(processor.applied(0, ANSWER_TIMEOUT_MS))) ? null : PROCESSOR_AWAY)],
      ['history', async () => ((await inTime(history.counts([]).then(() => true))) ? null : HISTORY_AWAY)],
      ...Object.entries(servers).map(([name, ping]): [string, () => Promise<Fault | null>] => [
        name,
        async () => ((await inTime(ping().then(() => true))) ? null : (SERVER_AWAY[name] ?? HISTORY_AWAY)),
      ]),
      ['clock', () => clockFault(clockWatch)],
      ['recounts', async () => recountFault((await orTimeOut(history.openRecounts()))?.length ?? 0)],
      ['webhooks', async () => webhookFault((await orTimeOut(webhooks.webhooks())) ?? [])],
    ];
    if (disk !== null) looks.push(['disk', () => diskFault(disk)]);
    const others = gateway === null ? [] : [gateway.check()];
    const checks = await Promise.all(
      looks.map(async ([name, look]): Promise<Check> => {
        const [state, detail, action] = (await look()) ?? ['ok', null, null];
        return { name, state, detail, action };
      }),
    );
    return [...checks, ...others];
  }

  async measure(): Promise<Reading[]> {
    const checks = await this.checks();
    const states = checks.map(({ name, state }): [string, number] => [name, state === 'failing' ? 0 : 1]);
    return [
      gauge('footfall_ready', '0: for this reason the service is not ready', Object.fromEntries(states), 'check'),
    ];
  }
}

const JOURNAL_FAILING: Fault = [
  'failing',
  'the journal takes no appends, so nothing is acknowledged',
  'see the log for the reason: free space on the disk of the journal, or bring its server back',
];
const PROCESSOR_AWAY: Fault = [
  'failing',
  'the processor does not answer',
  'see its log; with services apart, start a processor',
];
const HISTORY_AWAY: Fault = [
  'failing',
  'counts cannot be read',
  'see the log; the disk may be slow, or its server away',
];
/** Live counts and acknowledgements need Redis, and go on without InfluxDB. */
const SERVER_AWAY: Readonly<Record<string, Fault>> = {
  redis: ['failing', 'Redis does not answer', 'start it, or set REDIS_URL to where it is'],
  influxdb: [
    'warning',
    'InfluxDB does not answer: live counts go on, the past cannot be asked',
    'start it, or set INFLUX_URL and INFLUX_TOKEN right; it catches up by itself',
  ],
};

function clockFault({ step }: ReadinessSources['clockWatch']): Fault | null {
  if (step === null) return null;
  const detail = `the clock was set by ${Math.round(step.byMs / 1000)} s`;
  const action = `let a time service keep it; ready again when it has kept still for another ${Math.ceil(step.leftMs / 1000)} s`;
  return ['failing', detail, action];
}

function recountFault(running: number): Fault | null {
  if (running === 0) return null;
  return ['warning', `${running} recounts are running`, 'wait: what they touch is provisional; see /v1/recounts'];
}

/** Those that an operator has switched off are as somebody wants them. */
function webhookFault(records: readonly WebhookRecord[]): Fault | null {
  const given = records.filter(({ webhook, progress }) => webhook.isEnabled && isDisabled(webhook, progress)).length;
  if (given === 0) return null;
  const action = 'see /v1/webhooks: mend the receiver, then PATCH it with enabled: true, or DELETE it';
  return ['warning', `${given} webhooks have failed for so long that they were disabled`, action];
}

/** Warns well before nothing is acknowledged any more. */
function diskFault({ folder, room }: NonNullable<ReadinessSources['disk']>): Fault | null {
  const { freeBytes, neededBytes } = room();
  if (freeBytes >= 2 * neededBytes) return null;
  const detail = `${gigabytes(freeBytes)} are free on the disk of ${folder}; below ${gigabytes(neededBytes)} nothing is acknowledged`;
  return [freeBytes < neededBytes ? 'failing' : 'warning', detail, 'free some space there, or move FOOTFALL_DATA_DIR'];
}

/** False when `answer` is false, fails, or takes too long. */
async function inTime(answer: Promise<boolean>): Promise<boolean> {
  return (await orTimeOut(answer)) ?? false;
}

/** Null when `answer` fails or takes too long. */
async function orTimeOut<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), ANSWER_TIMEOUT_MS);
  try {
    return await Promise.race([answer.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
