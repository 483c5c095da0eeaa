// The way to the service: every question of the page goes through here, with the key that was typed in, if one is wanted.
import type { Page } from './shapes.ts';

/** An RFC 9457 problem. The message says what to do. */
export class ServiceProblem extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

const KEY_NAME = 'footfall-key';
const PAGE_SIZE = 5_000;

let askForKey: (why: string) => Promise<string> = () => new Promise(() => undefined);
let asking: Promise<void> | null = null;

/** What is called when the service wants a key or does not know the one it got; resolves with a key to try. */
export function onKeyWanted(ask: (why: string) => Promise<string>): void {
  askForKey = ask;
}

/** The key in use, kept until the tab is closed; null: none. */
export function keyInUse(): string | null {
  return sessionStorage.getItem(KEY_NAME);
}

export function useKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY_NAME);
  else sessionStorage.setItem(KEY_NAME, key);
}

export function keyHeader(): Record<string, string> {
  const key = keyInUse();
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/** The JSON of the answer. Throws ServiceProblem; asks for a key, as often as it takes, when one is wanted. */
export async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  for (;;) {
    const sent = keyInUse();
    const headers = { ...keyHeader(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
    const problem = problemOf(response.status, text);
    if (problem.status !== 401) throw problem;
    if (keyInUse() === sent) await newKey(problem.message);
  }
}

/** Every item of a list. */
export async function everyPage<Item>(path: string, pageSize = PAGE_SIZE): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor = ''; ; ) {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const joint = path.includes('?') ? '&' : '?';
    const page = await ask<Page<Item>>('GET', `${path}${joint}page_size=${pageSize}${after}`);
    items.push(...page.results);
    if (page.next === null) return items;
    cursor = page.next;
  }
}

function newKey(why: string): Promise<void> {
  asking ??= askForKey(why).then((key) => {
    useKey(key);
    asking = null;
  });
  return asking;
}

function problemOf(status: number, text: string): ServiceProblem {
  try {
    const { code, detail, title } = JSON.parse(text) as { code?: string; detail?: string; title?: string };
    return new ServiceProblem(status, code ?? 'unknown', detail ?? title ?? `the service answered ${status}`);
  } catch {
    return new ServiceProblem(status, 'unknown', `the service answered ${status}`);
  }
}
