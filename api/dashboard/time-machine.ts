// The time machine: a slider over the last hour, day, week, month or all of the past. Wherever it is dragged, every count of
// the page is the one of that moment; at its end it is live again.
import { type Building, firstEventMs } from './building.ts';
import { announce } from './dialog.ts';
import { found, write } from './element.ts';
import { everyPage } from './service.ts';
import type { Bucket } from './shapes.ts';
import { inputMs, inputText, momentText } from './zone.ts';

type Range = { readonly spanMs: number; readonly interval: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RANGES: Readonly<Record<string, Range>> = {
  hour: { spanMs: HOUR_MS, interval: '1m' },
  day: { spanMs: DAY_MS, interval: '5m' },
  week: { spanMs: 7 * DAY_MS, interval: '1h' },
  month: { spanMs: 28 * DAY_MS, interval: '1h' },
};
/** Up to so long the whole past is drawn by hours. */
const BY_HOUR_MS = 40 * DAY_MS;
/** Steps of the slider from end to end. */
const STEPS = 1_440;
/** Of the drawing, in its own units. */
const [WIDTH, HEIGHT] = [1_000, 40];
const REDRAW_EVERY_MS = 60_000;

export class TimeMachine {
  readonly #building: Building;
  readonly #slider = found('slider') as HTMLInputElement;
  readonly #input = found('moment') as HTMLInputElement;
  readonly #range = found('range') as HTMLSelectElement;
  readonly #live = found('live') as HTMLButtonElement;
  readonly #line = found('past-line');
  readonly #from = found('range-from');
  #shown: { fromMs: number; untilMs: number; interval: string } = { fromMs: 0, untilMs: 1, interval: '5m' };
  #spaceId = '';
  #drawnMs = 0;
  #isDragged = false;

  constructor(building: Building) {
    this.#building = building;
    this.#slider.addEventListener('input', () => this.#drag());
    this.#slider.addEventListener('change', () => this.#say());
    this.#slider.addEventListener('pointerdown', () => this.#hold(true));
    for (const end of ['pointerup', 'pointercancel']) this.#slider.addEventListener(end, () => this.#hold(false));
    this.#input.addEventListener('change', () => this.#type());
    this.#range.addEventListener('change', () => void this.#choose());
    this.#live.addEventListener('click', () => this.#travel(null));
    building.onMoment(() => this.#write());
    building.onCounts(() => {
      if (building.momentMs !== null) return;
      if (building.nowMs - this.#drawnMs > REDRAW_EVERY_MS) void this.#choose();
      else this.#write();
    });
  }

  /** The line behind the slider is this space's. */
  show(spaceId: string): void {
    this.#spaceId = spaceId;
    if (this.#building.nowMs > 0) void this.#drawLine();
  }

  #hold(isDragged: boolean): void {
    this.#isDragged = isDragged;
  }

  /** Sets the range that is chosen, so that it holds the moment that is shown. */
  async #choose(): Promise<void> {
    const { nowMs, shownMs } = this.#building;
    this.#drawnMs = nowMs;
    const range = RANGES[this.#range.value];
    if (range === undefined) {
      const fromMs = (await firstEventMs(nowMs)) ?? nowMs - DAY_MS;
      const interval = nowMs - fromMs < BY_HOUR_MS ? '1h' : '1d';
      this.#shown = { fromMs: Math.min(fromMs, nowMs - 1), untilMs: nowMs, interval };
    } else {
      const isInLast = shownMs > nowMs - range.spanMs;
      const untilMs = isInLast ? nowMs : Math.min(nowMs, shownMs + range.spanMs / 2);
      this.#shown = { fromMs: untilMs - range.spanMs, untilMs, interval: range.interval };
    }
    this.#write();
    await this.#drawLine();
  }

  #drag(): void {
    const { fromMs, untilMs } = this.#shown;
    const share = Number(this.#slider.value) / STEPS;
    const isEnd = share === 1 && untilMs >= this.#drawnMs;
    this.#travel(isEnd ? null : Math.round(fromMs + share * (untilMs - fromMs)));
  }

  #type(): void {
    const momentMs = inputMs(this.#input.value, this.#building.zoneOf(null));
    if (momentMs === null) return;
    this.#travel(momentMs >= this.#building.nowMs ? null : momentMs);
    const { fromMs, untilMs } = this.#shown;
    if (momentMs < fromMs || momentMs > untilMs) void this.#choose();
    this.#say();
  }

  #travel(momentMs: number | null): void {
    const wasAway = this.#building.momentMs !== null;
    this.#building.travelTo(momentMs).catch((error: Error) => announce(error.message));
    if (momentMs !== null || !wasAway) return;
    announce('Live again');
    void this.#choose();
  }

  #say(): void {
    const { momentMs } = this.#building;
    if (momentMs !== null) announce(`Counts of ${momentText(momentMs, this.#building.zoneOf(null))}`);
  }

  #write(): void {
    const { momentMs, shownMs, nowMs } = this.#building;
    if (this.#drawnMs === 0 && nowMs > 0) return void this.#choose();
    const zone = this.#building.zoneOf(null);
    const { fromMs, untilMs } = this.#shown;
    document.documentElement.dataset['time'] = momentMs === null ? 'live' : 'past';
    this.#live.setAttribute('aria-pressed', String(momentMs === null));
    const share = momentMs === null ? 1 : (shownMs - fromMs) / (untilMs - fromMs);
    this.#slider.max = String(STEPS);
    if (!this.#isDragged) this.#slider.value = String(Math.round(share * STEPS));
    this.#slider.setAttribute('aria-valuetext', momentMs === null ? 'now' : momentText(momentMs, zone));
    write(this.#from, momentText(fromMs, zone));
    if (document.activeElement !== this.#input)
      this.#input.value = inputText(shownMs - (momentMs === null ? shownMs % 1000 : 0), zone);
  }

  async #drawLine(): Promise<void> {
    const { fromMs, untilMs, interval } = this.#shown;
    if (this.#spaceId === '') return;
    const asked = this.#spaceId;
    const path = `/v1/spaces/${asked}/counts?start_time=${fromMs}&end_time=${untilMs}&interval=${interval}`;
    const buckets = await everyPage<Bucket>(path).catch(() => []);
    if (asked !== this.#spaceId || fromMs !== this.#shown.fromMs) return;
    this.#line.setAttribute('d', lineOf(buckets, fromMs, untilMs));
  }
}

/** The most of each bucket as a filled shape. */
function lineOf(buckets: readonly Bucket[], fromMs: number, untilMs: number): string {
  const top = Math.max(1, ...buckets.map(({ interval }) => interval.analytics.max));
  const points = buckets.flatMap(({ interval: { start, end, analytics } }) => {
    const y = HEIGHT - (Math.max(0, analytics.max) / top) * HEIGHT;
    return [start, end].map(
      (at) => `${(((Date.parse(at) - fromMs) / (untilMs - fromMs)) * WIDTH).toFixed(1)} ${y.toFixed(1)}`,
    );
  });
  return points.length === 0 ? '' : `M0 ${HEIGHT} L${points.join(' L')} L${WIDTH} ${HEIGHT} Z`;
}
