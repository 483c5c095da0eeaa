// A real Chromium for tests of the page: found on the PATH, started once a file, and told what went wrong in it.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** Generous, because tests share the machine. */
export const PAGE_TIMEOUT_MS = 15_000;

function chromiumPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** True, with a word on standard error, when there is no Chromium. */
export function chromiumMissing(): boolean {
  const missing = chromiumPath() === undefined;
  if (missing) process.stderr.write('skipped: there is no chromium on the PATH (Debian: apt-get install chromium)\n');
  return missing;
}

export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('there is no chromium on the PATH');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export type Look = {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
};

/** The page at `url`, ready, with what it complained about in `faults`. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, height = 800, colorScheme = 'light' }: Look = {},
) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/v1/live')) faults.push(message.text());
  });
  await page.goto(url);
  await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** What the tree says of a space, for those who hear it. */
export async function toldOf(page: Page, spaceId: string): Promise<string> {
  return (await page.locator(`#space-${spaceId}`).textContent()) ?? '';
}
