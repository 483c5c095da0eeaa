// `npm run screenshots`: the pictures of the page in the README, taken of the demo once its past is there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type Look, launchChromium, openPage } from '../support/browser.ts';
import { PROJECT_DIR, startService } from '../support/service.ts';

const FOLDER = join(PROJECT_DIR, '.screenshots');
/** Of WebP; text stays sharp. */
const QUALITY = 82;
/** The past of the demo is complete when its oldest day has events. */
const PAST_MS = 13.9 * 86_400_000;

type Picture = Look & { readonly name: string; readonly hash: string; prepare?(page: Page): Promise<void> };

const PICTURES: readonly Picture[] = [
  { name: 'building-light', hash: '#space/station', height: 860 },
  { name: 'building-dark', hash: '#space/cafe', height: 860, colorScheme: 'dark' },
  { name: 'phone', hash: '#space/hall', width: 390, height: 844 },
  { name: 'move', hash: '#dpus', height: 860, prepare: lookAtMove },
];

async function lookAtMove(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Move dpu-lounge' }).click();
  await page.locator('#move-doorway').selectOption('meeting-1');
  const since = new Date(Date.now() - 6 * 86_400_000).toISOString().slice(0, 10);
  await page.locator('#move-from').fill(`${since}T06:00:00`);
  await page.getByRole('button', { name: 'See what it changes' }).click();
  await page.locator('.difference').first().waitFor();
  await page.getByRole('button', { name: 'Move it' }).scrollIntoViewIfNeeded();
  await page.locator('.difference').first().scrollIntoViewIfNeeded();
}

async function take(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await using demo = await startService({ environment: { FOOTFALL_DEMO: 'true' } });
  await untilPastIsThere(demo.httpUrl);
  const browser = await launchChromium();
  for (const { name, hash, prepare, ...look } of PICTURES) {
    await using opened = await openPage(browser, `${demo.httpUrl}/${hash}`, look);
    await prepare?.(opened.page);
    await opened.page.evaluate('new Promise((resolve) => setTimeout(resolve, 1500))');
    const session = await opened.page.context().newCDPSession(opened.page);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
    writeFileSync(join(FOLDER, `${name}.webp`), Buffer.from(data, 'base64'));
    process.stdout.write(`.screenshots/${name}.webp\n`);
  }
  await browser.close();
}

async function untilPastIsThere(url: string): Promise<void> {
  const fromMs = Date.now() - PAST_MS - 6 * 3_600_000;
  const path = `/v1/events?start_time=${fromMs}&end_time=${fromMs + 6 * 3_600_000}&page_size=1`;
  for (let found = 0; found === 0; ) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { results } = (await (await fetch(url + path)).json()) as { results: unknown[] };
    found = results.length;
  }
}

await take();
