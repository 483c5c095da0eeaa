// `dpu provision`: a whole fleet's DPUs and secrets from a file; interrupted and run again it goes on where it was.
//
//   rows ──▶ those without a secret in the output ──500 at a time──▶ service ──▶ output, synced
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isId } from '../ids.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { CommandFailure, command, WrongUse } from './command.ts';
import { inputFileBytes } from './input-file.ts';
import { keyOption, overlapOption, urlOption } from './options.ts';
import { startProgress } from './progress.ts';

/** What one request takes. */
const BATCH = 500;
/** Faulty rows that are named. */
const FAULTS_NAMED_MAX = 10;
/** Nobody but the owner may read secrets. */
const MODE = 0o600;
const LINE = /^([A-Za-z0-9_-]{1,64}),ffd_[0-9a-f]{32}$/;
const HEADER = 'dpu_id,secret';

type Wanted = { readonly id: string; readonly name?: string };
type Made = { readonly results: readonly { readonly dpu_id: string; readonly secret: string }[] };

export const dpuProvisionCommand = command({
  name: 'dpu provision',
  argument: { name: 'dpus.csv', description: 'rows with the column dpu_id and, if you like, name' },
  summary: 'make the DPUs of a file and a secret for each; run again, it goes on where it was',
  options: {
    out: {
      value: 'file',
      description: 'where the secrets go, as dpu_id,secret; DPUs that are in it already are passed over',
      parse: (text: string) => text,
      standard: 'secrets.csv',
    },
    'overlap-s': overlapOption,
    url: urlOption,
    key: keyOption,
  },
  run: async (path, { out, 'overlap-s': overlapS, url, key }, terminal) => {
    const wanted = await readWanted(path);
    await using output = await openOutput(out);
    const left = wanted.filter(({ id }) => !output.done.has(id));
    const progress = await startProgress(terminal, 'provision', wanted.length);
    const interrupted = terminal.interruption();
    const client = apiClient(url, key);
    try {
      for (let at = 0; at < left.length && !interrupted.aborted; at += BATCH) {
        const { results } = await makeSecrets(client, left.slice(at, at + BATCH), overlapS);
        await output.append(results.map((made) => `${made.dpu_id},${made.secret}`));
        progress.update(wanted.length - left.length + at + results.length);
      }
    } finally {
      progress.stop();
    }
    if (interrupted.aborted) throw new CommandFailure(`interrupted; run the same again, it goes on from ${out}`);
    terminal.print(`${left.length} secrets made, ${wanted.length - left.length} were in ${out} already`);
    return 0;
  },
});

function makeSecrets(client: ApiClient, dpus: readonly Wanted[], overlapS: number): Promise<Made> {
  return client.call<Made>('POST', '/v1/dpus/secrets', { dpus, overlap_s: overlapS });
}

/** Each DPU once. Throws WrongUse with the rows that name none. */
async function readWanted(path: string): Promise<Wanted[]> {
  await inputFileBytes(path);
  const { parse } = await import('csv-parse');
  const rows = createReadStream(path).pipe(
    parse({ bom: true, columns: true, info: true, skip_empty_lines: true, trim: true }),
  );
  const wanted = new Map<string, Wanted>();
  const faults: string[] = [];
  for await (const { record, info } of rows as AsyncIterable<{
    record: Record<string, string>;
    info: { lines: number };
  }>) {
    const { dpu_id: id, name = '' } = record;
    if (id === undefined) throw new WrongUse(`${path} has no column dpu_id: its first line must name it`);
    if (!isId(id)) faults.push(`line ${info.lines}: dpu_id ${JSON.stringify(id)} is not an id`);
    else wanted.set(id, name === '' ? { id } : { id, name });
  }
  if (faults.length > 0) throw new WrongUse(faults.slice(0, FAULTS_NAMED_MAX).join('\n'));
  return [...wanted.values()];
}

/** Opens it to go on after its last whole line. */
async function openOutput(path: string) {
  const file: FileHandle = await open(path, 'a+', MODE);
  const text = await file.readFile('utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  await file.truncate(Buffer.byteLength(whole));
  const done = new Set(whole.split('\n').flatMap((line) => LINE.exec(line)?.[1] ?? []));
  const append = async (lines: readonly string[]): Promise<void> => {
    await file.appendFile(lines.map((line) => `${line}\n`).join(''));
    await file.datasync();
  };
  if (whole === '') await append([HEADER]);
  return { done, append, [Symbol.asyncDispose]: () => file.close() };
}
