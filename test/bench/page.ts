// Bench of the page in a real Chromium: its weight, how soon it can be used on the demo, and whether frames are dropped
// while all of 2,000 spaces change every second.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { floorplanOf, generateBuilding } from '../../shared/commands/building.ts';
import { openPublisher } from '../../shared/commands/publisher.ts';
import { launchChromium, openPage } from '../support/browser.ts';
import { httpClient } from '../support/http.ts';
import { PROJECT_DIR, startService } from '../support/service.ts';
import { type Figure, median, whole } from './figure.ts';

const WEIGHT_BYTES_MAX = 150_000;
const INTERACTIVE_MS_MAX = 1_000;
const OPENINGS = 7;
/** Ten doors a floor make seven spaces. */
const DOORS = 2_850;
const WATCHED_MS = 10_000;
/** A frame that took longer was one too many at 60 a second. */
const FRAME_MS_MAX = 34;

export async function benchPage(report: (line: string) => void): Promise<Figure[]> {
  const browser = await launchChromium();
  try {
    return [...(await demoFigures(browser, report)), await frameFigure(browser, report)];
  } finally {
    await browser.close();
  }
}

async function demoFigures(browser: Browser, report: (line: string) => void): Promise<Figure[]> {
  await using demo = await startService({ environment: { FOOTFALL_DEMO: 'true' } });
  const { bytes, files } = await weightOf(demo.httpUrl);
  report(`  ${files} files, ${whole(bytes)} bytes compressed; waiting for the past of the demo`);
  await untilQuiet(demo.httpUrl);
  const [own, peer]: [number[], number[]] = [[], []];
  for (let opening = 0; opening < OPENINGS; opening++) {
    const atMs = performance.now();
    await using _ = await openPage(browser, `${demo.httpUrl}/`);
    own.push(performance.now() - atMs);
    await using context = await browser.newContext();
    const blank = await context.newPage();
    const peerAtMs = performance.now();
    await blank.goto(`${demo.httpUrl}/healthz`);
    peer.push(performance.now() - peerAtMs);
  }
  const interactiveMs = median(own);
  return [
    {
      name: 'page: all of it, compressed',
      measured: `${whole(bytes / 1000)} KB`,
      peer: `in ${files} files`,
      target: `<= ${WEIGHT_BYTES_MAX / 1000} KB`,
      reached: bytes <= WEIGHT_BYTES_MAX,
    },
    {
      name: 'page: interactive on the demo, from the opening of a fresh tab',
      measured: `${whole(interactiveMs)} ms`,
      peer: `/healthz in such a tab ${whole(median(peer))} ms, without its opening`,
      target: `<= ${INTERACTIVE_MS_MAX} ms`,
      reached: interactiveMs <= INTERACTIVE_MS_MAX,
    },
  ];
}

async function weightOf(url: string): Promise<{ bytes: number; files: number }> {
  const lengthOf = async (path: string) => {
    const response = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
    await response.arrayBuffer();
    return Number(response.headers.get('content-length'));
  };
  const own = readdirSync(join(PROJECT_DIR, 'api/dashboard')).filter((name) => /\.(ts|css|svg)$/.test(name));
  const paths = ['/', ...[...own, 'uplot.js', 'uplot.css'].map((name) => `/page/${name}`)];
  const lengths = await Promise.all(paths.map(lengthOf));
  return { bytes: lengths.reduce((sum, length) => sum + length, 0), files: paths.length };
}

/** Until hardly more events come than people walk. */
async function untilQuiet(url: string): Promise<void> {
  const total = async () => (await httpClient(url).get('/v1/events?page_size=1')).total as number;
  for (let before = -1_000, now = 0; now - before > 100; ) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    now = await total();
  }
}

async function frameFigure(browser: Browser, report: (line: string) => void): Promise<Figure> {
  await using service = await startService();
  const building = generateBuilding(DOORS);
  await httpClient(service.httpUrl).put('/v1/floorplan', floorplanOf(building));
  const spaces = building.parents.size;
  await using opened = await openPage(browser, `${service.httpUrl}/`);
  const publisher = await openPublisher(service.mqttUrl, undefined);
  let events = 0;
  let direction = 1;
  const publishing = setInterval(() => {
    for (const { dpuId } of building.doors) {
      void publisher.publish(dpuId, JSON.stringify({ timestamp: Date.now(), direction }));
      events += 1;
    }
    direction = -direction;
  }, 1_000);
  const slowFrames = async (page: typeof opened.page) => {
    const intervals = (await page.evaluate(WATCH_FRAMES)) as number[];
    return { frames: intervals.length, slow: intervals.filter((ms) => ms > FRAME_MS_MAX).length };
  };
  const own = await slowFrames(opened.page);
  await opened[Symbol.asyncDispose]();
  await using context = await browser.newContext();
  const blank = await context.newPage();
  await blank.goto(`${service.httpUrl}/healthz`);
  const peer = await slowFrames(blank);
  clearInterval(publishing);
  await publisher.drained();
  await publisher.close();
  report(`  ${whole(events)} events published; frames ${own.frames}, of the peer ${peer.frames}`);
  return {
    name: `page: frames over ${FRAME_MS_MAX} ms, ${whole(spaces)} spaces changing every second`,
    measured: `${own.slow} of ${own.frames}`,
    peer: `a page that does nothing, under the same load: ${peer.slow} of ${peer.frames}`,
    target: 'none more',
    reached: own.slow <= peer.slow,
  };
}

const WATCH_FRAMES = `new Promise((resolve) => {
  const intervals = [];
  let last = performance.now();
  const begun = last;
  const frame = (now) => {
    intervals.push(now - last);
    last = now;
    if (now - begun > ${WATCHED_MS}) resolve(intervals);
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})`;
