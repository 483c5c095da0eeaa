// Counts as they change: from the stream of the service, or, while it has none, by asking each second. Nobody else in the
// page knows which of the two it is.
import { ask, everyPage, keyHeader, ServiceProblem } from './service.ts';
import type { Count } from './shapes.ts';

export type LiveState = 'stream' | 'asking' | 'away';

export type Follower = {
  /** Counts as they are now: of every space at first, later of those that changed. */
  onCounts(counts: readonly Count[]): void;
  onState(state: LiveState): void;
};

type Message = { readonly type: string } & Partial<Count>;

const ASK_EVERY_MS = 1_000;
const RETRY_MS = 1_000;
/** Read in pieces, so that none keeps the page from drawing a frame. */
const PIECE_SPACES = 400;
/** What the stream does not tell, such as watermarks, is asked for so often. */
const REFRESH_EVERY_MS = 10_000;

/** Follows the counts of all spaces for as long as the page is there. */
export async function follow(follower: Follower): Promise<void> {
  // Not to wait for the answer whether there is a stream.
  countsNow().then(follower.onCounts, () => undefined);
  let place: string | null = null;
  for (;;) {
    try {
      const response = await fetch('/v1/live', { headers: streamHeaders(place) });
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      if (!response.ok || !isStream || response.body === null) {
        void response.body?.cancel();
        if (response.status === 404 || response.ok) return await askAgainAndAgain(follower);
        if (response.status === 401) await ask('GET', '/v1/spaces?page_size=1');
        throw new ServiceProblem(response.status, 'unknown', 'no stream');
      }
      follower.onCounts(await countsNow());
      follower.onState('stream');
      place = await readStream(response.body, place, follower);
    } catch {
      follower.onState('away');
    }
    await pause(RETRY_MS);
  }
}

async function askAgainAndAgain({ onCounts, onState }: Follower): Promise<void> {
  for (;;) {
    try {
      if (!document.hidden) onCounts(await countsNow());
      onState('asking');
    } catch {
      onState('away');
    }
    await pause(ASK_EVERY_MS);
  }
}

function countsNow(): Promise<Count[]> {
  return everyPage<Count>('/v1/spaces/counts', PIECE_SPACES);
}

function streamHeaders(place: string | null): Record<string, string> {
  const resume = place === null ? {} : { 'last-event-id': place };
  return { accept: 'text/event-stream', ...keyHeader(), ...resume };
}

/** Reads until the stream ends; resolves with the id to go on from. EventSource would do, if it could send a key. */
async function readStream(body: ReadableStream<Uint8Array>, from: string | null, follower: Follower) {
  const refresh = setInterval(() => {
    if (!document.hidden) countsNow().then(follower.onCounts, () => undefined);
  }, REFRESH_EVERY_MS);
  let place = from;
  let rest = '';
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return place;
      const blocks = (rest + decoder.decode(value, { stream: true })).replaceAll('\r\n', '\n').split('\n\n');
      rest = blocks.pop() ?? '';
      const counts: Count[] = [];
      for (const block of blocks) {
        const id = fieldOf(block, 'id');
        if (id !== '') place = id;
        const data = fieldOf(block, 'data');
        if (data === '') continue;
        const message = JSON.parse(data) as Message;
        if (message.type === 'count') counts.push(message as Count & Message);
        if (message.type === 'resync') follower.onCounts(await countsNow());
      }
      if (counts.length > 0) follower.onCounts(counts);
    }
  } catch {
    return place;
  } finally {
    clearInterval(refresh);
  }
}

function fieldOf(block: string, name: string): string {
  const lines = block.split('\n').filter((line) => line.startsWith(`${name}:`));
  return lines.map((line) => line.slice(name.length + 1).replace(/^ /, '')).join('\n');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
