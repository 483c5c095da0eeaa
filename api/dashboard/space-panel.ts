// The space that is looked at: how many are in it, how sure that is and what holds it back, today, and its chart.
import type { Building } from './building.ts';
import { announce } from './dialog.ts';
import { make, replace, write } from './element.ts';
import { ask } from './service.ts';
import type { Count, Page } from './shapes.ts';
import { SpaceChart } from './space-chart.ts';
import { durationText, fullnessOf, numberText, plural, TRUST_WORDS, trustOf } from './words.ts';
import { momentText, timeText } from './zone.ts';

/** What has walked in and out today is asked for so often. */
const TODAY_EVERY_MS = 4_000;
const NAMED_MAX = 8;

export class SpacePanel {
  readonly #building: Building;
  readonly #path = make('nav', { class: 'path', 'aria-label': 'Where this is' });
  readonly #name = make('h2', { id: 'space-name', tabindex: '-1' }, 'Space');
  readonly #when = make('p', { class: 'when' });
  readonly #number = make('span', { class: 'big-number' });
  readonly #of = make('span', { class: 'big-of' });
  readonly #fill = make('span', { class: 'bar-fill' });
  readonly #trust = make('div', { class: 'trust' });
  readonly #today = make('dl', { class: 'facts' });
  readonly #chart: SpaceChart;
  #spaceId = '';
  #todayMs = 0;

  constructor(element: HTMLElement, building: Building, onLeave: () => void) {
    this.#building = building;
    this.#chart = new SpaceChart(building);
    const why = async () => (await import('./why.ts')).openWhy(building, this.#spaceId);
    const card = make(
      'section',
      { class: 'card count-card', 'aria-labelledby': 'space-name' },
      make('button', { type: 'button', class: 'quiet back', onclick: onLeave }, '‹ All spaces'),
      this.#path,
      make('div', { class: 'card-head' }, this.#name, this.#when),
      make('p', { class: 'big' }, this.#number, this.#of),
      make('span', { class: 'bar tall', 'aria-hidden': 'true' }, this.#fill),
      this.#trust,
      this.#today,
      make('button', { type: 'button', id: 'why', onclick: () => void why() }, 'Why this number?'),
    );
    replace(element, card, this.#chart.element);
    building.onCounts((changed) => {
      if (changed.has(this.#spaceId)) this.#write();
    });
    building.onMoment(() => {
      this.#todayMs = 0;
      this.#write();
    });
    building.onPlan(() => this.#writeNames());
  }

  get spaceId(): string {
    return this.#spaceId;
  }

  show(spaceId: string): void {
    if (spaceId === this.#spaceId) return;
    this.#spaceId = spaceId;
    this.#todayMs = 0;
    replace(this.#today);
    this.#writeNames();
    this.#write();
    this.#chart.show(spaceId);
  }

  redraw(): void {
    this.#chart.redraw();
  }

  #writeNames(): void {
    const path = this.#building.pathOf(this.#spaceId).slice(0, -1);
    const links = path.map((id) => make('a', { href: `#space/${id}` }, this.#building.nameOf(id)));
    replace(this.#path, ...links.flatMap((link) => [link, ' › ']));
    write(this.#name, this.#building.nameOf(this.#spaceId));
  }

  #write(): void {
    const count = this.#building.counts.get(this.#spaceId);
    if (count === undefined) return;
    const { capacity = null } = this.#building.spaces.get(this.#spaceId) ?? {};
    const { occupancy } = count;
    const zone = this.#building.zoneOf(this.#spaceId);
    const { momentMs } = this.#building;
    write(this.#when, momentMs === null ? `now, ${timeText(Date.parse(count.at), zone)}` : momentText(momentMs, zone));
    write(this.#number, numberText(occupancy));
    const share = capacity === null || capacity === 0 ? null : occupancy / capacity;
    const of = share === null ? '' : ` of ${numberText(capacity ?? 0)} · ${Math.round(share * 100)} %`;
    write(this.#of, ` ${occupancy === 1 ? 'person' : 'people'}${of}`);
    this.#fill.style.transform = `scaleX(${Math.min(1, share ?? 0)})`;
    this.#fill.dataset['fullness'] = fullnessOf(occupancy, capacity);
    this.#writeTrust(count, zone);
    if (Math.abs(Date.parse(count.at) - this.#todayMs) > TODAY_EVERY_MS) void this.#loadToday(Date.parse(count.at));
  }

  #writeTrust(count: Count, zone: string): void {
    const trust = trustOf(count);
    const { watermark, waiting_for: waiting = [], lost = [], coverage } = count;
    const lines: string[] = [];
    if (count.count < 0)
      lines.push(`The sum is ${numberText(count.count)}: more people were seen leaving than entering.`);
    if (watermark !== null && watermark !== undefined && trust !== 'settled') {
      const behind = durationText(Date.parse(count.at) - Date.parse(watermark));
      lines.push(`Sure up to ${timeText(Date.parse(watermark), zone)}, ${behind} before.`);
    }
    if (trust === 'held' && waiting.length > 0) lines.push(`Waiting for ${named(waiting)}.`);
    if (lost.length > 0) lines.push(`Lost, and no longer waited for: ${named(lost)}.`);
    if (coverage === 'partial') lines.push('Not every doorway had a sensor all the time.');
    if (coverage === 'none') lines.push('No doorway of it has ever had a sensor.');
    const told = `${trust} ${lines.join(' ')}`;
    if (this.#trust.dataset['told'] === told) return;
    this.#trust.dataset['told'] = told;
    const chip = make('span', { class: 'chip', 'data-trust': trust }, TRUST_WORDS[trust]);
    replace(this.#trust, chip, make('span', {}, lines.join(' ')));
  }

  async #loadToday(atMs: number): Promise<void> {
    this.#todayMs = atMs;
    const { momentMs } = this.#building;
    const at = momentMs === null ? '' : `&at=${momentMs}`;
    const asked = this.#spaceId;
    const path = `/v1/spaces/counts?space_ids=${asked}&include=today${at}`;
    const page = await ask<Page<Count>>('GET', path).catch(() => null);
    const today = page?.results[0]?.today;
    if (today === undefined || asked !== this.#spaceId || momentMs !== this.#building.momentMs) return;
    const fact = (name: string, value: number) =>
      make('div', {}, make('dt', {}, name), make('dd', {}, numberText(value)));
    const { entrances, exits, peak } = today;
    replace(
      this.#today,
      fact(momentMs === null ? 'in today' : 'in that day', entrances),
      fact('out', exits),
      fact('at most', peak),
    );
  }

  /** Moves to the heading, for those who chose the space by key. */
  focus(): void {
    this.#name.focus();
    announce(`${this.#building.nameOf(this.#spaceId)}, ${this.#number.textContent}${this.#of.textContent}`);
  }
}

function named(ids: readonly string[]): string {
  const more = ids.length - NAMED_MAX;
  return ids.slice(0, NAMED_MAX).join(', ') + (more > 0 ? ` and ${plural(more, 'other')}` : '');
}
