// The page in a real Chromium, on real data and on a building of one door: the time machine's answers, an event that
// arrives, a move with its dry run, and the way in with a key.

import { readFileSync } from 'node:fs';
import { connectAsync } from 'mqtt';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumMissing, launchChromium, openPage, PAGE_TIMEOUT_MS, toldOf } from '../support/browser.ts';
import { httpClient, untilStored } from '../support/http.ts';
import { DISTINCT_EVENTS, FLOORPLAN_FILE, RIGHT_ANSWERS, realDataMissing, recordedRows } from '../support/real-data.ts';
import { type Service, startService } from '../support/service.ts';

const SOON = { timeout: PAGE_TIMEOUT_MS, interval: 20 };
/** From the publish until the page shows it: one round of asking where there is no stream. */
const SHOWN_MS_MAX = 2_500;
const SHOWN_BY_STREAM_MS_MAX = 300;
const PLAN = {
  spaces: [
    { id: 'shop', name: 'Shop', capacity: 5 },
    { id: 'store', name: 'Store', parent_id: 'shop' },
  ],
  doorways: [
    { id: 'front', name: 'Front door', a: 'shop', b: null },
    { id: 'back', name: 'Store door', a: 'store', b: 'shop' },
  ],
  dpus: [{ id: 'd', name: 'Sensor', placements: [{ doorway_id: 'front', facing: 'a' }] }],
  resets: [],
};

describe.skipIf(chromiumMissing())('the page', () => {
  let browser: Browser;
  const services: Service[] = [];
  const begin = async (plan: object, environment: Record<string, string> = {}) => {
    const service = await startService({ environment });
    services.push(service);
    if (Object.keys(environment).length === 0) await httpClient(service.httpUrl).put('/v1/floorplan', plan);
    return service;
  };

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all(services.map((service) => service.stop()));
  });

  test.skipIf(realDataMissing())(
    'the time machine gives the right answers to the real recording',
    async () => {
      const service = await begin(JSON.parse(readFileSync(FLOORPLAN_FILE, 'utf8')));
      const client = httpClient(service.httpUrl);
      for (const { timestamp, direction, dpuId } of recordedRows()) {
        await client.post(`/v1/dpus/${dpuId}/events`, { timestamp, direction });
      }
      await untilStored(client, DISTINCT_EVENTS);
      await using opened = await openPage(browser, `${service.httpUrl}/`);
      const { page } = opened;
      const shown = (count: number) => (count < 0 ? `0 (−${-count})` : String(count));
      for (const { at, A, B } of RIGHT_ANSWERS) {
        if (at === null) await page.locator('#live').click();
        else {
          await page.locator('#moment').fill(at.slice(0, 23));
          await page.locator('#moment').dispatchEvent('change');
        }
        await vi.waitFor(async () => {
          expect(await toldOf(page, 'A')).toMatch(new RegExp(`^.*[^0-9]${escaped(shown(A))} people`));
          expect(await toldOf(page, 'B')).toMatch(new RegExp(`^.*[^0-9]${escaped(shown(B))} people`));
        }, SOON);
      }
      await page.locator('#range').selectOption('all');
      await page.locator('#slider').fill('720');
      await page.locator('html[data-time=past]').waitFor({ state: 'attached' });
      expect(opened.faults).toEqual([]);
    },
    90_000,
  );

  test('an event that is published over MQTT is on the page', async () => {
    const service = await begin(PLAN);
    await using opened = await openPage(browser, `${service.httpUrl}/`);
    const { page } = opened;
    await page.locator('#live-state:not([data-state=away])').waitFor();
    const isStream = (await page.locator('#live-state').getAttribute('data-state')) === 'stream';
    await page.evaluate(
      `window.shown = new Promise((resolve) => new MutationObserver(() => {
        if (document.getElementById('space-shop').textContent.includes('Shop1 ')) resolve(Date.now());
      }).observe(document.getElementById('tree'), { subtree: true, childList: true, characterData: true })); 0`,
    );
    const dpu = await connectAsync(service.mqttUrl, { reconnectPeriod: 0 });
    const publishedMs = Date.now();
    await dpu.publishAsync('dpu/d/events', JSON.stringify({ timestamp: publishedMs, direction: 1 }), { qos: 1 });
    const shownMs = (await page.evaluate('window.shown')) as number;
    expect(shownMs - publishedMs).toBeLessThan(isStream ? SHOWN_BY_STREAM_MS_MAX : SHOWN_MS_MAX);
    await dpu.endAsync();
  }, 60_000);

  test('a sensor is moved after a look at what that changes', async () => {
    const service = await begin(PLAN);
    const client = httpClient(service.httpUrl);
    const yesterdayMs = Date.now() - 86_400_000;
    const events = [0, 1, 2].map((minute) => ({ timestamp: yesterdayMs + minute * 60_000, direction: 1 }));
    await client.post('/v1/dpus/d/events', events);
    await untilStored(client, events.length);
    await using opened = await openPage(browser, `${service.httpUrl}/#dpus`);
    const { page } = opened;
    await page.getByRole('button', { name: 'Move d' }).click();
    await page.locator('#move-doorway').selectOption('back');
    await page.locator('#move-facing').selectOption('a');
    await page.locator('#move-from').fill(new Date(yesterdayMs - 3_600_000).toISOString().slice(0, 19));
    await page.getByRole('button', { name: 'See what it changes' }).click();
    await page.locator('.difference').first().waitFor();
    expect(await page.locator('.outcome').textContent()).toContain('3 events would be counted again');
    expect((await page.locator('.difference h3').allTextContents()).toSorted()).toEqual(['Shop', 'Store']);
    expect((await client.get('/v1/spaces/store/count')).count, 'nothing has changed yet').toBe(0);
    await page.getByRole('button', { name: 'Move it' }).click();
    await vi.waitFor(async () => expect((await client.get('/v1/spaces/store/count')).count).toBe(3), SOON);
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(opened.faults).toEqual([]);
  }, 60_000);

  test('where a key is wanted it is asked for; a new one is shown once, and revoked', async () => {
    const adminKey = 'a-key-for-the-first-set-up';
    const service = await begin({}, { FOOTFALL_ADMIN_KEY: adminKey });
    const call = await httpClient(service.httpUrl).call('PUT', '/v1/floorplan', PLAN, {
      authorization: `Bearer ${adminKey}`,
    });
    expect(call.status).toBe(200);
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    await page.goto(`${service.httpUrl}/`);
    await page.locator('#key').fill('wrong-key-wrong-key');
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('this key is not good').waitFor();
    await page.locator('#key').fill(adminKey);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
    await page.evaluate(`location.hash = '#keys'`);
    await page.getByRole('button', { name: 'New key…' }).click();
    await page.locator('#key-name').fill('Screen in the hall');
    await page.locator('#scope-admin').uncheck();
    await page.locator('#scope-read').check();
    await page.getByRole('button', { name: 'Make it' }).click();
    const key = (await page.locator('#new-key').textContent()) ?? '';
    const authorization = { authorization: `Bearer ${key}` };
    expect((await httpClient(service.httpUrl).call('GET', '/v1/spaces', undefined, authorization)).status).toBe(200);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Revoke Screen in the hall' }).click();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await page.getByText(/^revoked /).waitFor();
    expect((await httpClient(service.httpUrl).call('GET', '/v1/spaces', undefined, authorization)).status).toBe(401);
    await context.close();
  }, 60_000);
});

function escaped(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}
