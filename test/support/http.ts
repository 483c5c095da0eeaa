// A plain HTTP client for tests: what is sent goes out as it is, and the whole answer comes back.
import { vi } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape, and fail on what is not there.
type Json = any;

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Json };

export type Client = {
  /** `body` as JSON; a string goes as it is, with `headers` over the usual ones. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Json>;
  /** The answer's body; throws when the status is no success. */
  post(path: string, body?: unknown): Promise<Json>;
  put(path: string, body: unknown): Promise<Json>;
  patch(path: string, body: unknown): Promise<Json>;
  delete(path: string): Promise<Json>;
};

export function httpClient(url: string): Client {
  const call: Client['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '') && text !== '';
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  const well = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await call(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    call,
    get: (path) => well('GET', path),
    post: (path, body) => well('POST', path, body),
    put: (path, body) => well('PUT', path, body),
    patch: (path, body) => well('PATCH', path, body),
    delete: (path) => well('DELETE', path),
  };
}

/** Waits until as many events are stored: what was acknowledged is counted a moment later. */
export async function untilStored(client: Client, events: number, path = '/v1/events?page_size=1'): Promise<void> {
  await vi.waitFor(
    async () => {
      const { total } = await client.get(path);
      if (total !== events) throw new Error(`${total} events are stored, ${events} are expected`);
    },
    { timeout: 10_000, interval: 20 },
  );
}
