// Every Flux file is typed right, and nothing but what is meant can become part of a query.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lsp } from '@influxdata/flux-lsp-node';
import { describe, expect, test } from 'vitest';
import { fluxOf, id, text } from '../../shared/storage/influx-redis/influx-rows.ts';

const FOLDER = join(import.meta.dirname, '../../shared/storage/influx-redis/flux');
const SNIPPETS = join(import.meta.dirname, '../../deploy/influx');
const names = readdirSync(FOLDER).map((file) => file.replace(/\.flux$/, ''));

type Diagnostic = { readonly severity: number; readonly message: string };

/** What the language server says against a text, severity 1 (errors) only. */
async function errorsIn(flux: string): Promise<string[]> {
  const server = new Lsp();
  const diagnostics: Diagnostic[] = [];
  server.onMessage((message: string) => {
    const { method, params } = JSON.parse(message) as { method?: string; params?: { diagnostics: Diagnostic[] } };
    if (method === 'textDocument/publishDiagnostics') diagnostics.push(...(params?.diagnostics ?? []));
  });
  void server.run();
  const send = (message: object) => server.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  await send({ id: 1, method: 'initialize', params: { capabilities: {} } });
  await send({ method: 'initialized', params: {} });
  const textDocument = { uri: 'file:///query.flux', languageId: 'flux', version: 1, text: flux };
  await send({ method: 'textDocument/didOpen', params: { textDocument } });
  await new Promise((resolve) => setImmediate(resolve));
  return diagnostics.filter((found) => found.severity === 1).map((found) => found.message);
}

describe('types', () => {
  test.each(names)('%s', async (name) => {
    const flux = fluxOf(name, { space: 'A', dpu: '283', partition: 0 });
    expect(await errorsIn(flux)).toEqual([]);
  });

  test.each(readdirSync(SNIPPETS).filter((file) => file.endsWith('.flux')))('snippet %s', async (file) => {
    expect(await errorsIn(readFileSync(join(SNIPPETS, file), 'utf8'))).toEqual([]);
  });

  test('the check can fail', async () => {
    expect(await errorsIn('from(bucket: 5) |> nothing()')).not.toEqual([]);
  });
});

describe('what cannot break out', () => {
  const nasty = ['a" or true', 'a\\', '$', '${r._value}', '\\${1}', 'a\nb', 'ü', '', 'x'.repeat(65), 'a b', "a'b"];

  test.each(nasty)('%j is no id', (value) => {
    expect(() => id(value)).toThrow('not an id');
    expect(() => fluxOf('net', { space: value })).toThrow('not an id');
  });

  test.each(nasty)('%j is one string all the same, without that check', async (value) => {
    const literal = text(value);
    expect(literal.slice(1, -1)).toMatch(/^([A-Za-z0-9_ .:-]|\\x[0-9a-f]{2})*$/);
    expect(await errorsIn(`space = ${literal}\n`)).toEqual([]);
  });
});
