// The HTTP API as the commands use it: one call, and every refusal turned into lines that say what to do.
import { CommandFailure } from './command.ts';

/** RFC 9457, as CONTRACT.md shapes it. */
type Problem = {
  readonly title?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
};

export type ApiClient = {
  /** The JSON of the answer, undefined where it has none. Throws CommandFailure when there is none or it is a problem. */
  call<Answer>(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
};

/** A client of the service at `url`. */
export function apiClient(url: string, key: string | undefined): ApiClient {
  return {
    call: async <Answer>(method: string, path: string, body?: unknown) => {
      const response = await request(url, method, path, body, key);
      const text = await response.text();
      if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
      throw new CommandFailure(describeProblem(response.status, text));
    },
  };
}

async function request(url: string, method: string, path: string, body: unknown, key: string | undefined) {
  const headers = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  try {
    return await fetch(url + path, init);
  } catch (error) {
    throw new CommandFailure(unreachable(url, error, '--url'));
  }
}

/** What to say when nothing answers at `url`; `option` is the one that names another place. */
export function unreachable(url: string, error: unknown, option: string): string {
  const { code, message } = rootCause(error);
  const why = code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? message);
  return `cannot reach ${url} (${why}): start the service with \`npm start\`, or say with ${option} where it is`;
}

function rootCause(error: unknown): { code: string | undefined; message: string } {
  let cause = error as Error & { code?: string; errors?: Error[] };
  while (cause.cause instanceof Error) cause = cause.cause as typeof cause;
  const first = cause.errors?.[0] as typeof cause | undefined;
  return { code: cause.code ?? first?.code, message: cause.message };
}

function describeProblem(status: number, text: string): string {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    return `the service answered ${status}: ${text.slice(0, 200)}`;
  }
  const head = `${problem.detail ?? problem.title ?? 'refused'} (${status} ${problem.code ?? ''})`.replace(' )', ')');
  const faults = (problem.errors ?? []).map((fault) => `  ${fault.path}: ${fault.message}`);
  return [head, ...faults].join('\n');
}
