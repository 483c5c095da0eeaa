// What a receiver of webhooks was told, compared with the change feed: everything, and in the order of the feed.
import type { Client } from './http.ts';
import type { Receiver } from './receiver.ts';

type Entry = { readonly space_id: string; readonly cause: { readonly id: string } };

/** Every entry of the change feed. */
async function feed(client: Client): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let since = ''; ; ) {
    const { next, results } = await client.get(`/v1/changes?page_size=5000${since === '' ? '' : `&since=${since}`}`);
    entries.push(...results);
    if (next === since) return entries;
    since = next;
  }
}

/** Of each space and DPU, because changes of several partitions have no order among each other. */
function inOrder(entries: readonly Entry[]): Record<string, string[]> {
  const texts = new Set(entries.map((entry) => JSON.stringify(entry)));
  const lines = [...texts].map((text) => JSON.parse(text) as Entry);
  const groups = Map.groupBy(lines, ({ space_id, cause }) => `${space_id} ${cause.id}`);
  return Object.fromEntries([...groups].map(([name, group]) => [name, group.map((entry) => JSON.stringify(entry))]));
}

/** What is wrong with what was told so far, a line each; nothing when all is right. */
export async function faultsOfTold(receiver: Receiver, client: Client): Promise<string[]> {
  const told = inOrder(receiver.ofType('change').flatMap(({ data }) => data.results));
  const happened = inOrder(await feed(client));
  const faults = [...receiver.faults];
  for (const name of new Set([...Object.keys(told), ...Object.keys(happened)])) {
    const [of, should] = [told[name] ?? [], happened[name] ?? []];
    const at = should.findIndex((entry, index) => of[index] !== entry);
    if (at !== -1 || of.length !== should.length) {
      faults.push(`${name}: ${of.length} of ${should.length}, differing from ${at}`);
    }
  }
  return faults.slice(0, 20);
}
