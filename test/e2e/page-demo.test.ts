// The page in a real Chromium, on the demo: it is alive at once, readable by everybody, on a phone and by key alone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumMissing, launchChromium, openPage, PAGE_TIMEOUT_MS } from '../support/browser.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['building', 'space/hall', 'health', 'dpus', 'quarantine', 'recounts', 'webhooks', 'keys'];
const SOON = { timeout: PAGE_TIMEOUT_MS, interval: 50 };

describe.skipIf(chromiumMissing())('the page on the demo', () => {
  let service: Service;
  let browser: Browser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([
      startService({ environment: { FOOTFALL_DEMO: 'true' } }),
      launchChromium(),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  test('people walk on it within ten seconds of its opening, and nothing goes wrong in it', async () => {
    await using opened = await openPage(browser, `${service.httpUrl}/`);
    const { page, faults } = opened;
    const counts = () => page.locator('.row').evaluateAll((rows) => rows.map((row) => row.textContent).join());
    const before = await counts();
    expect(before).toContain('Harbour Station');
    await vi.waitFor(async () => expect(await counts()).not.toBe(before), { timeout: 10_000, interval: 50 });
    expect(faults).toEqual([]);
  }, 30_000);

  test('the counts are those that the night watch would find', async () => {
    const { results } = await httpClient(service.httpUrl).get('/v1/spaces/counts');
    expect(results.length).toBe(21);
    expect(results.filter(({ count }: { count: number }) => count < -3)).toEqual([]);
  });

  test('a webhook whose receiver cannot be reached is failing, and is tried', async () => {
    const client = httpClient(service.httpUrl);
    await client.post('/v1/webhooks', { url: 'https://nowhere.example/', types: ['count'], name: 'The wall' });
    await using opened = await openPage(browser, `${service.httpUrl}/#webhooks`);
    const { page } = opened;
    await page.getByRole('cell', { name: /^failing since .* waiting$/ }).waitFor();
    await page.getByRole('button', { name: 'Try it: The wall' }).click();
    await page.getByText('A message to try it is on its way.').waitFor({ state: 'attached' });
    const [{ id }] = (await client.get('/v1/webhooks')).results;
    const { results } = await client.get(`/v1/webhooks/${id}/deliveries`);
    expect(results.map(({ type }: { type: string }) => type)).toContain('webhook.test');
    await client.patch(`/v1/webhooks/${id}`, { enabled: false });
    await page.reload();
    await page.getByRole('cell', { name: 'switched off' }).waitFor();
    await page.getByRole('button', { name: 'Take up again: The wall' }).click();
    await page.getByText('It is told again').waitFor({ state: 'attached' });
    expect((await client.get(`/v1/webhooks/${id}`)).enabled).toBe(true);
    expect(opened.faults).toEqual([]);
  }, 40_000);

  test.each(['light', 'dark'] as const)('axe finds nothing in any view, %s', async (colorScheme) => {
    await using opened = await openPage(browser, `${service.httpUrl}/`, { colorScheme });
    for (const view of VIEWS) {
      await show(opened.page, view);
      expect(await violations(opened.page), view).toEqual([]);
    }
    await show(opened.page, 'space/hall');
    await opened.page.locator('#why').click();
    await opened.page.locator('dialog .sum').waitFor();
    expect(await violations(opened.page), 'why').toEqual([]);
  }, 90_000);

  test('a phone of 360 pixels shows all of it without scrolling sideways', async () => {
    await using opened = await openPage(browser, `${service.httpUrl}/`, { width: 360, height: 720 });
    for (const view of VIEWS) {
      await show(opened.page, view);
      const wide = await opened.page.evaluate(
        '[...document.querySelectorAll("html, main, #panel, #list, dialog")].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.id || one.tagName)',
      );
      expect(wide, view).toEqual([]);
    }
  }, 60_000);

  test('by key alone: down the tree, into a space, back in time, and live again', async () => {
    await using opened = await openPage(browser, `${service.httpUrl}/`);
    const { page } = opened;
    const press = (...keys: string[]) =>
      keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
    const focused = () => page.evaluate('document.activeElement.id');
    await press('Tab', 'Enter');
    for (let tabs = 0; tabs < 12 && (await focused()) !== 'tree'; tabs++) await press('Tab');
    expect(await focused()).toBe('tree');
    await press('ArrowDown', 'ArrowDown');
    await page.locator('#space-name', { hasText: 'Bakery' }).waitFor();
    await press('ArrowLeft', 'ArrowLeft');
    expect(await page.locator('#space-ground').getAttribute('aria-expanded')).toBe('false');
    await press('ArrowRight', 'End', 'Home');
    await page.locator('#space-name', { hasText: 'Harbour Station' }).waitFor();
    for (let tabs = 0; tabs < 30 && (await focused()) !== 'slider'; tabs++) await press('Tab');
    await press('ArrowLeft', 'ArrowLeft', 'ArrowLeft');
    await page.locator('html[data-time=past]').waitFor({ state: 'attached' });
    await press('End');
    await page.locator('html[data-time=live]').waitFor({ state: 'attached' });
    expect(opened.faults).toEqual([]);
  }, 60_000);

  test('the quarantine is looked through, and what is good by then is counted', async () => {
    await using opened = await openPage(browser, `${service.httpUrl}/#quarantine`);
    const { page } = opened;
    await httpClient(service.httpUrl)
      .post('/v1/dpus', { id: 'dpu-annex' })
      .catch(() => undefined);
    await page.getByRole('button', { name: 'Replay all: malformed' }).click();
    await vi.waitFor(
      async () => expect(await page.locator('.done').textContent()).toContain('1 still in quarantine'),
      SOON,
    );
  }, 30_000);
});

async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = '#${view}'`);
  const isList = !view.startsWith('building') && !view.startsWith('space');
  await page
    .locator(isList ? '#list h2' : '.row')
    .first()
    .waitFor({ state: 'attached' });
  await page.getByText('Asking…').waitFor({ state: 'detached' });
}

async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, not by the page, whose policy allows no such thing.
  await page.evaluate(`if (window.axe === undefined) { ${AXE} }`);
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}
