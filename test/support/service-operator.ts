// The operator of a schedule: builds and changes the floor plan of the running service, and keeps what was said for the model.
import type { Change } from '../../shared/fact.ts';
import type { Client } from './http.ts';
import { Model } from './model.ts';
import { DOORWAYS, DPUS, type ServiceSchedule, SPACES, type Step } from './service-schedule.ts';

export type SceneOfSchedule = {
  readonly prefix: string;
  readonly schedule: ServiceSchedule;
  /** The moment so far from the middle of the scene. */
  at(offsetMs: number): number;
};

export class Operator {
  readonly #client: Client;
  readonly #scene: SceneOfSchedule;
  /** What was said, in order; when it was recorded is the service's to tell. */
  readonly said: Change[] = [];
  /** DPUs that were made. */
  readonly known = new Set<string>();
  /** The floor plan by all that was said. */
  readonly #plan = new Model();
  #placements = 0;

  constructor(client: Client, scene: SceneOfSchedule) {
    this.#client = client;
    this.#scene = scene;
  }

  id(name: string): never {
    return (this.#scene.prefix + name) as never;
  }

  async build(): Promise<void> {
    const client = this.#client;
    for (const [index, name] of SPACES.entries()) {
      const drawn = this.#scene.schedule.spaces[index] as ServiceSchedule['spaces'][number];
      const version = { parentId: this.#parent(index, drawn.parent), timeZone: this.#zone(drawn.zone) };
      const { dailyReset } = drawn;
      const fields = { parent_id: version.parentId, time_zone: version.timeZone, daily_reset: dailyReset };
      await client.post('/v1/spaces', { id: this.id(name), ...fields });
      this.#say(
        { kind: 'space', id: this.id(name), name: this.id(name), capacity: null, retiredAtMs: null },
        { kind: 'space_version', id: this.id(name), fromMs: null, ...version, dailyReset },
      );
    }
    for (const [index, name] of DOORWAYS.entries()) {
      const [a, b] = (this.#scene.schedule.doorways[index] as readonly (string | null)[]).map((side) =>
        this.#side(side),
      );
      const sides = { a: a as never, b: b as never };
      await client.post('/v1/doorways', { id: this.id(name), ...sides });
      this.#say(
        { kind: 'doorway', id: this.id(name), name: this.id(name), retiredAtMs: null },
        { kind: 'doorway_version', id: this.id(name), fromMs: null, ...sides },
      );
    }
    for (const name of ['one', 'two'] as const) await this.#createDpu(name);
  }

  /** Does what the step says, unless the service would refuse it. */
  async take(step: Step): Promise<void> {
    const client = this.#client;
    switch (step.kind) {
      case 'create':
        return this.known.has(this.id('new')) ? undefined : this.#createDpu('new');
      case 'place': {
        const { dpu, doorway, facing, from, length } = step.drawn;
        const fromMs = from === null ? null : this.#scene.at(from);
        const untilMs = length === null ? null : (fromMs ?? this.#scene.at(0)) + length;
        return this.#place(`p${++this.#placements}`, dpu, doorway, { facing, fromMs, untilMs });
      }
      case 'correct': {
        const placement = this.#pick('placement', step.drawn.which);
        const fromMs = step.drawn.from === null ? null : this.#scene.at(step.drawn.from);
        if (placement === undefined || (fromMs !== null && fromMs >= (placement.untilMs ?? Number.POSITIVE_INFINITY)))
          return;
        const [dpu, doorway] = [placement.dpuId, placement.doorwayId].map((id) => id.slice(this.#scene.prefix.length));
        const { facing } = step.drawn;
        if (facing === placement.facing && fromMs === placement.fromMs) return;
        const name = placement.id.slice(this.#scene.prefix.length);
        return this.#place(name, String(dpu), String(doorway), { facing, fromMs, untilMs: placement.untilMs });
      }
      case 'withdraw': {
        const placement = this.#pick('placement', step.drawn.which);
        if (placement === undefined) return;
        await client.delete(`/v1/dpus/${placement.dpuId}/placements/${placement.id}`);
        return this.#say({ kind: 'placement_withdrawn', id: placement.id });
      }
      default:
        return this.#mark(step);
    }
  }

  async #mark(step: Step): Promise<void> {
    const client = this.#client;
    if (step.kind === 'void' || step.kind === 'outage') {
      const dpuId = this.id(step.drawn.dpu);
      if (!this.known.has(dpuId)) return;
      const { from, length } = step.drawn;
      const fromMs = from === null ? null : this.#scene.at(from);
      const untilMs = length === null ? null : (fromMs ?? this.#scene.at(0)) + length;
      const path = `/v1/dpus/${dpuId}/${step.kind}s`;
      const made = await client.post(path, { from: fromMs, until: untilMs });
      const mark = { id: made.id, dpuId, reason: null };
      if (step.kind === 'outage') this.#say({ kind: 'outage', ...mark, fromMs, untilMs });
      else this.#say({ kind: 'void', ...mark, fromMs: fromMs as number, untilMs: untilMs as number });
    } else if (step.kind === 'reset') {
      const { space, value, sets } = step.drawn;
      const [count, change] = sets ? [value, null] : [null, value];
      const spaceId = this.id(space);
      if (this.#isRetired('space', spaceId)) return;
      const atMs = this.#scene.at(step.drawn.at);
      const { id } = await client.post(`/v1/spaces/${spaceId}/resets`, { at: atMs, count, change });
      this.#say({ kind: 'reset', id, spaceId, atMs, count, change, reason: null });
    } else if (step.kind === 'revoke') {
      const mark = this.#pick(step.drawn.of, step.drawn.which);
      if (mark === undefined) return;
      const owner = mark.kind === 'reset' ? `spaces/${mark.spaceId}` : `dpus/${mark.dpuId}`;
      await client.post(`/v1/${owner}/${mark.kind}s/${mark.id}/revoke`);
      this.#say({ kind: `${mark.kind}_revoked`, id: mark.id } as Change);
    } else if (step.kind === 'space') await this.#changeSpace(step.drawn);
    else if (step.kind === 'sides') await this.#changeSides(step.drawn);
    else if (step.kind === 'retire') await this.#retire(step.drawn.thing);
  }

  async #place(
    name: string,
    dpu: string,
    doorway: string,
    { facing, fromMs, untilMs }: { facing: 'a' | 'b'; fromMs: number | null; untilMs: number | null },
  ): Promise<void> {
    const [dpuId, doorwayId] = [this.id(dpu), this.id(doorway)];
    if (!this.known.has(dpuId) || this.#isRetired('dpu', dpuId) || this.#isRetired('doorway', doorwayId)) return;
    const body = { doorway_id: doorwayId, facing, from: fromMs, until: untilMs };
    await this.#client.put(`/v1/dpus/${dpuId}/placements/${this.id(name)}`, body);
    this.#say({ kind: 'placement', id: this.id(name), dpuId, doorwayId, facing, fromMs, untilMs });
  }

  async #changeSpace({
    space,
    from,
    parent,
    zone,
    dailyReset,
  }: Extract<Step, { kind: 'space' }>['drawn']): Promise<void> {
    const [id, fromMs] = [this.id(space), this.#scene.at(from)];
    if (this.#isRetired('space', id)) return;
    const held = this.#plan.version('space_version', id, fromMs);
    if (held === undefined) return;
    const parentId = parent === null ? held.parentId : this.#parent(SPACES.indexOf(space), parent);
    if (parentId !== null && this.#isRetired('space', parentId)) return;
    const timeZone = zone === null ? held.timeZone : this.#zone(zone);
    const fields = {
      ...(zone === null ? {} : { time_zone: timeZone }),
      ...(parent === null ? {} : { parent_id: parentId }),
    };
    await this.#client.patch(`/v1/spaces/${id}`, { ...fields, daily_reset: dailyReset, effective_from: fromMs });
    const isSame = held.parentId === parentId && held.timeZone === timeZone && held.dailyReset === dailyReset;
    if (!isSame) this.#say({ kind: 'space_version', id, fromMs, parentId, timeZone, dailyReset });
  }

  async #changeSides({ doorway, sides, from }: Extract<Step, { kind: 'sides' }>['drawn']): Promise<void> {
    const [id, fromMs] = [this.id(doorway), this.#scene.at(from)];
    const [a, b] = sides.map((side) => this.#side(side)) as [never, never];
    const isGone = [a, b].some((side) => side !== null && this.#isRetired('space', side));
    if (isGone || this.#isRetired('doorway', id)) return;
    await this.#client.patch(`/v1/doorways/${id}`, { a, b, effective_from: fromMs });
    const held = this.#plan.version('doorway_version', id, fromMs);
    if (held?.a !== a || held?.b !== b) this.#say({ kind: 'doorway_version', id, fromMs, a, b });
  }

  /** What nothing ever referred to would be removed instead. */
  async #retire(thing: string): Promise<void> {
    const [kinds, name] = thing.split('/') as [string, string];
    const kind = kinds.slice(0, -1) as 'dpu' | 'doorway' | 'space';
    const id = this.id(name);
    const refers = (change: Change) =>
      change.kind === 'placement'
        ? change.dpuId === id || change.doorwayId === id
        : change.kind === 'doorway_version' && (change.a === id || change.b === id);
    if (this.#isRetired(kind, id) || !this.said.some(refers)) return;
    await this.#client.delete(`/v1/${kinds}/${id}`);
    const { retired_at } = await this.#client.get(`/v1/${kinds}/${id}`);
    const fields = { id, name: id, retiredAtMs: Date.parse(retired_at) };
    this.#say(kind === 'space' ? { kind, ...fields, capacity: null } : { kind, ...fields });
  }

  async #createDpu(name: (typeof DPUS)[number]): Promise<void> {
    await this.#client.post('/v1/dpus', { id: this.id(name) });
    this.known.add(this.id(name));
    this.#say({ kind: 'dpu', id: this.id(name), name: this.id(name), retiredAtMs: null });
    const placed = this.#scene.schedule.placed[DPUS.indexOf(name)];
    if (placed === null || placed === undefined) return;
    const since = { facing: placed.facing, fromMs: null, untilMs: null };
    await this.#place(`p${++this.#placements}`, name, placed.doorway, since);
  }

  /** What the service has recorded of it. */
  async facts(): Promise<{ change: Change; recorded_at: string }[]> {
    const mine: { change: Change; recorded_at: string }[] = [];
    const ids = new Set(this.said.map(({ id }) => String(id)));
    for (let cursor = ''; ; ) {
      const page = await this.#client.get(`/v1/facts?page_size=5000${cursor}`);
      mine.push(...page.results.filter(({ change }: { change: Change }) => ids.has(change.id)));
      if (page.next === null) return mine;
      cursor = `&cursor=${page.next}`;
    }
  }

  #say(...changes: readonly Change[]): void {
    this.said.push(...changes);
    this.#plan.record(changes, 0);
  }

  /** One of those in force; a placement as it was said last. */
  #pick<Kind extends 'placement' | 'void' | 'outage' | 'reset'>(kind: Kind, index: number) {
    const gone = new Set(this.said.filter((fact) => /_(withdrawn|revoked)$/.test(fact.kind)).map(({ id }) => id));
    const said = this.said.filter((fact) => fact.kind === kind && !gone.has(fact.id));
    const last = [...new Map(said.map((fact) => [fact.id, fact])).values()];
    return last[index % Math.max(1, last.length)] as Extract<Change, { kind: Kind }> | undefined;
  }

  #isRetired(kind: 'space' | 'doorway' | 'dpu', id: string): boolean {
    return this.#plan.isRetired(kind, id, Number.POSITIVE_INFINITY);
  }

  #parent(index: number, above: number): never {
    return (above < 0 || above >= index ? null : this.id(String(SPACES[above]))) as never;
  }

  #zone(drawn: string): string {
    return drawn === 'scene' ? this.#scene.schedule.scene.zone : drawn;
  }

  #side(side: string | null): string | null {
    return side === null ? null : this.id(side);
  }
}
