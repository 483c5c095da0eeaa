// A reader of the live stream over HTTP, as every client of Server-Sent Events is one.

export type LiveMessage = {
  readonly id: string;
  readonly type: 'count' | 'change' | 'resync';
  readonly space_id: string;
  readonly count?: number;
  readonly revision?: number;
  readonly from?: string;
  readonly until?: string | null;
  readonly change?: number;
};

export type Stream = { readonly messages: readonly LiveMessage[]; close(): void };

/** Reads until closed; `after` is the id of the last message that was seen. */
export async function openStream(url: string, query: string, after?: string): Promise<Stream> {
  const cut = new AbortController();
  const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
  const response = await fetch(`${url}/v1/live${query}`, { headers, signal: cut.signal });
  if (!response.ok || response.body === null) throw new Error(`GET /v1/live: ${response.status}`);
  const messages: LiveMessage[] = [];
  void read(response.body, messages).catch((error) => {
    if (!cut.signal.aborted) throw error;
  });
  return { messages, close: () => cut.abort() };
}

async function read(body: ReadableStream<Uint8Array>, messages: LiveMessage[]): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) messages.push(JSON.parse(data.slice('data: '.length)));
    }
  }
}
