// The chart of the space in the panel: which time it shows, stepping to others, and its numbers as a table.
import type { Building } from './building.ts';
import { Chart, summaryOf } from './chart.ts';
import { wordsOf } from './dialog.ts';
import { make, replace, write } from './element.ts';
import { everyPage } from './service.ts';
import type { Bucket } from './shapes.ts';
import { numberText } from './words.ts';
import { dayText, momentText, startOf, timeText, type Unit } from './zone.ts';

const UNITS: readonly Unit[] = ['day', 'week', 'year'];
const INTERVAL_OF: Readonly<Record<Unit, string>> = { day: '15m', week: '1h', year: '1d' };
/** The day of now is drawn again so often. */
const REDRAW_EVERY_MS = 15_000;

export class SpaceChart {
  readonly element: HTMLElement;
  readonly #building: Building;
  readonly #chart = new Chart();
  readonly #title = make('h3', {}, 'Chart');
  readonly #readout = make('p', { class: 'readout' });
  readonly #table = make('div', {
    class: 'table-scroll',
    tabindex: '0',
    role: 'region',
    'aria-label': 'Counts as a table',
  });
  readonly #units: readonly HTMLButtonElement[];
  #spaceId = '';
  #unit: Unit = 'day';
  /** Days, weeks or years from the moment that is shown. */
  #steps = 0;
  #buckets: readonly Bucket[] = [];
  #drawnMs = 0;

  constructor(building: Building) {
    this.#building = building;
    const step = (label: string, sign: string, by: number) =>
      make('button', { type: 'button', class: 'quiet', 'aria-label': label, onclick: () => this.#step(by) }, sign);
    this.#units = UNITS.map((unit) =>
      make('button', { type: 'button', onclick: () => this.#choose(unit) }, unit[0]?.toUpperCase() + unit.slice(1)),
    );
    const table = make('details', {}, make('summary', {}, 'As a table'), this.#table);
    table.addEventListener('toggle', () => this.#writeTable());
    this.element = make(
      'section',
      { class: 'card chart-card', 'aria-label': 'Chart' },
      make(
        'div',
        { class: 'card-head' },
        this.#title,
        make('div', { class: 'segments', role: 'group', 'aria-label': 'Time shown' }, ...this.#units),
        make('div', { class: 'steps' }, step('Earlier', '‹', -1), step('Later', '›', 1)),
      ),
      this.#readout,
      this.#chart.element,
      table,
    );
    building.onMoment(() => this.#follow());
    building.onCounts(() => {
      const isNow = building.momentMs === null && this.#steps === 0 && this.#unit === 'day';
      if (isNow && building.nowMs - this.#drawnMs > REDRAW_EVERY_MS) void this.#load();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
  }

  show(spaceId: string): void {
    this.#spaceId = spaceId;
    void this.#load();
  }

  redraw(): void {
    if (this.#buckets.length > 0) this.#draw();
  }

  #choose(unit: Unit): void {
    this.#unit = unit;
    this.#steps = 0;
    void this.#load();
  }

  #step(by: number): void {
    const { shownMs, nowMs } = this.#building;
    const fromMs = startOf(this.#unit, shownMs, this.#building.zoneOf(this.#spaceId), this.#steps + by);
    if (fromMs > nowMs) return;
    this.#steps += by;
    void this.#load();
  }

  /** Stays where it is while the moment shown is in it. */
  #follow(): void {
    const { shownMs } = this.#building;
    const [first, last] = [this.#buckets[0], this.#buckets.at(-1)];
    const isInside =
      first !== undefined &&
      last !== undefined &&
      Date.parse(first.timestamp) <= shownMs &&
      shownMs < this.#span().untilMs;
    if (isInside) return;
    this.#steps = 0;
    void this.#load();
  }

  #span(): { fromMs: number; untilMs: number } {
    const zone = this.#building.zoneOf(this.#spaceId);
    const { shownMs } = this.#building;
    const fromMs = startOf(this.#unit, shownMs, zone, this.#steps);
    return { fromMs, untilMs: startOf(this.#unit, shownMs, zone, this.#steps + 1) };
  }

  async #load(): Promise<void> {
    if (this.#building.nowMs === 0 || this.#spaceId === '') return;
    this.#drawnMs = this.#building.nowMs;
    for (const [index, unit] of UNITS.entries()) {
      this.#units[index]?.setAttribute('aria-pressed', String(unit === this.#unit));
    }
    const { fromMs, untilMs } = this.#span();
    const asked = `${this.#spaceId} ${this.#unit} ${fromMs}`;
    const span = `start_time=${fromMs}&end_time=${untilMs}&interval=${INTERVAL_OF[this.#unit]}`;
    try {
      const buckets = await everyPage<Bucket>(`/v1/spaces/${this.#spaceId}/counts?${span}`);
      if (asked !== `${this.#spaceId} ${this.#unit} ${this.#span().fromMs}`) return;
      this.#buckets = buckets;
      this.#draw();
    } catch (error) {
      write(this.#readout, wordsOf(error));
    }
  }

  #draw(): void {
    const zone = this.#building.zoneOf(this.#spaceId);
    const { fromMs, untilMs } = this.#span();
    const last = dayText(untilMs - 1, zone);
    write(this.#title, this.#unit === 'day' ? last : `${dayText(fromMs, zone)} – ${last}`);
    write(this.#readout, summaryOf(this.#buckets));
    this.#chart.draw(this.#buckets, {
      zone,
      capacity: this.#building.spaces.get(this.#spaceId)?.capacity ?? null,
      onPick: (atMs) => void this.#building.travelTo(Math.min(atMs, this.#building.nowMs)),
      onPoint: (bucket) => write(this.#readout, bucket === null ? summaryOf(this.#buckets) : this.#wordsOf(bucket)),
    });
    this.#writeTable();
  }

  #wordsOf({ interval: { start, end, analytics }, count }: Bucket): string {
    const zone = this.#building.zoneOf(this.#spaceId);
    const { min, max, entrances, exits } = analytics;
    const time = `${momentText(Date.parse(start), zone)} – ${timeText(Date.parse(end), zone)}`;
    return `${time}: ${numberText(count)} at the end, ${numberText(min)} to ${numberText(max)}, ${entrances} in, ${exits} out`;
  }

  /** Made only when it is looked at. */
  #writeTable(): void {
    if (this.#table.parentElement?.hasAttribute('open') !== true) return replace(this.#table);
    const zone = this.#building.zoneOf(this.#spaceId);
    const cells = (tag: 'th' | 'td', texts: readonly (string | number)[]) => texts.map((text) => make(tag, {}, text));
    const rows = this.#buckets.map(({ timestamp, count, interval: { analytics } }) => {
      const { min, max, entrances, exits } = analytics;
      const numbers = [count, min, max, entrances, exits].map(numberText);
      return make('tr', {}, ...cells('td', [momentText(Date.parse(timestamp), zone), ...numbers]));
    });
    const head = make('tr', {}, ...cells('th', ['From', 'At the end', 'Least', 'Most', 'Entrances', 'Exits']));
    replace(this.#table, make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows)));
  }
}
