// `replay`: publishes the events of a CSV file, in its order, as their DPUs would have.
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.ts';
import { CommandFailure, command, type Terminal, WrongUse } from './command.ts';
import { readEventRows } from './event-rows.ts';
import { inputFileBytes } from './input-file.ts';
import { keyOption, mqttOption, mqttUrlBeside, urlOption } from './options.ts';
import { type Progress, startProgress } from './progress.ts';
import { openPublisher, type Publisher } from './publisher.ts';

/** Faulty rows that are shown one by one. */
const FAULTS_SHOWN_MAX = 20;

type Speed = number | 'max';

export const replayCommand = command({
  name: 'replay',
  argument: { name: 'events.csv', description: 'rows with the columns timestamp, direction and dpu_id' },
  summary: 'publish the events of a file over MQTT; doing so again changes nothing',
  options: {
    speed: {
      value: 'factor',
      description: 'as fast as the service takes them (max), or this many times as fast as they happened',
      parse: parseSpeed,
      standard: 'max' as Speed,
    },
    loop: { value: null, description: 'begin again at the end, until Ctrl-C' },
    mqtt: mqttOption,
    url: urlOption,
    key: keyOption,
  },
  run: async (path, { speed, loop, mqtt, url, key }, terminal) => {
    const fileBytes = await inputFileBytes(path);
    const target = mqtt ?? mqttUrlBeside(url);
    const publisher = await openPublisher(target, key);
    const interrupted = terminal.interruption();
    const beganMs = systemClock.monotonicMs();
    const totals = { published: 0, refused: 0 };
    try {
      do {
        const progress = await startProgress(terminal, 'replay', fileBytes);
        await replayOnce(path, {
          publisher,
          pace: pacer(speed, systemClock, interrupted),
          progress,
          terminal,
          totals,
          interrupted,
        });
      } while (loop && !interrupted.aborted);
      await publisher.drained();
    } finally {
      await publisher.close();
    }
    const seconds = ((systemClock.monotonicMs() - beganMs) / 1000).toFixed(1);
    const refused = totals.refused === 0 ? '' : `; ${totals.refused} rows hold no event and were left out`;
    terminal.print(`${publisher.acknowledged} events published to ${target} and stored in ${seconds} s${refused}`);
    if (interrupted.aborted && !loop) throw new CommandFailure('interrupted; run the same again, repeats are harmless');
    return totals.refused === 0 ? 0 : 1;
  },
});

type Run = {
  readonly publisher: Publisher;
  readonly pace: (timestampMs: number) => Promise<void>;
  readonly progress: Progress;
  readonly terminal: Terminal;
  readonly totals: { published: number; refused: number };
  readonly interrupted: AbortSignal;
};

async function replayOnce(path: string, run: Run): Promise<void> {
  const { publisher, pace, progress, terminal, totals, interrupted } = run;
  try {
    for await (const row of readEventRows(path)) {
      if (interrupted.aborted) break;
      if ('event' in row) {
        await pace(row.event.timestampMs);
        await publisher.publish(row.event.dpuId, row.event.payload);
        totals.published += 1;
      } else {
        totals.refused += 1;
        if (totals.refused <= FAULTS_SHOWN_MAX) terminal.complain(row.fault);
      }
      progress.update(row.bytes);
    }
  } finally {
    progress.stop();
  }
}

function parseSpeed(text: string): Speed {
  if (text === 'max') return 'max';
  const factor = Number(text);
  if (!(factor > 0 && factor < Number.POSITIVE_INFINITY)) throw new WrongUse('It must be max or a number above 0.');
  return factor;
}

/** Waits until an event is due; the first is at once, and one older than those before it too. */
function pacer(speed: Speed, clock: Clock, interrupted: AbortSignal): (timestampMs: number) => Promise<void> {
  let first: { timestampMs: number; atMs: number } | undefined;
  return async (timestampMs) => {
    if (speed === 'max') return;
    first ??= { timestampMs, atMs: clock.monotonicMs() };
    const waitMs = first.atMs + (timestampMs - first.timestampMs) / speed - clock.monotonicMs();
    if (waitMs < 1) return;
    await delay(waitMs, undefined, { signal: interrupted }).catch(() => undefined);
  };
}
