// Plays a schedule against the running service, request by request, and keeps for the model what each one says.
import { expect, vi } from 'vitest';
import type { Client } from './http.ts';
import { Model, type ModelEvent } from './model.ts';
import { Operator } from './service-operator.ts';
import type { ServiceSchedule, Step } from './service-schedule.ts';

export type Door = {
  readonly client: Client;
  /** Publishes with QoS 1; resolves when it is acknowledged. */
  publish(topic: string, payload: string): Promise<unknown>;
};

/** How far from its middle a scene of these hours goes: an event is on time when it is not older than half of them. */
export const RECENT_MS = 2 * 3_600_000;
const STORED_TIMEOUT_MS = 20_000;

export class Player {
  readonly schedule: ServiceSchedule;
  readonly #door: Door;
  readonly #operator: Operator;
  readonly #middleMs: number;
  readonly #sent: ModelEvent[] = [];
  /** When the last message of each DPU was sent. */
  readonly heardMs = new Map<string, number>();

  constructor(door: Door, prefix: string, schedule: ServiceSchedule) {
    this.schedule = schedule;
    this.#door = door;
    this.#operator = new Operator(door.client, { prefix, schedule, at: (offsetMs) => this.at(offsetMs) });
    this.#middleMs = schedule.scene.at === null ? Date.now() - RECENT_MS / 2 - 60_000 : Date.parse(schedule.scene.at);
  }

  id(name: string): string {
    return this.#operator.id(name);
  }

  /** The moment so far from the middle of the scene. */
  at(offsetMs: number): number {
    return this.#middleMs + (this.schedule.scene.at === null ? offsetMs % (RECENT_MS / 2) : offsetMs);
  }

  async play(): Promise<void> {
    await this.#operator.build();
    for (const step of this.schedule.steps) {
      if (step.kind === 'send') await this.#send(step.drawn);
      else await this.#operator.take(step);
    }
  }

  /** The model of what the service has stored, once it has taken in all that was sent; it must agree on what that is. */
  async model(): Promise<Model> {
    const model = new Model();
    const { said, known } = this.#operator;
    const facts = await this.#operator.facts();
    expect(facts.map(({ change }) => change)).toMatchObject(said);
    for (const [index, change] of said.entries()) {
      model.record([change], Date.parse((facts[index] as { recorded_at: string }).recorded_at));
    }
    for (const dpu of known) {
      const sent = new Map(this.#sent.filter((event) => event.dpu === dpu).map((event) => [identityOf(event), event]));
      const path = `/v1/dpus/${dpu}/events?by=received&page_size=5000`;
      const stored = await vi.waitFor(
        async () => {
          const page = await this.#door.client.get(path);
          if (page.total !== sent.size) throw new Error(`${page.total} events of ${dpu} are stored, ${sent.size} sent`);
          return page.results as StoredEvent[];
        },
        { timeout: STORED_TIMEOUT_MS, interval: 10 },
      );
      for (const { timestamp, direction, seq, recorded_at, status } of stored) {
        const event = { dpu, atMs: Date.parse(timestamp), direction, seq };
        expect(sent.has(identityOf(event)), `${timestamp} was sent`).toBe(true);
        expect({ timestamp, status }).toEqual({ timestamp, status: model.status(event) });
        model.add(event, Date.parse(recorded_at));
      }
      const recordings = stored.map(({ recorded_at }) => recorded_at);
      expect(recordings).toEqual(recordings.toSorted());
    }
    return model;
  }

  async #send({ dpu, door, events, repeats }: Extract<Step, { kind: 'send' }>['drawn']): Promise<void> {
    const id = this.id(dpu);
    const sent = events.map(({ at, up, seq }) => {
      return { dpu: id, atMs: at === null ? Date.now() : this.at(at), direction: up ? 1 : -1, seq };
    });
    const payload = sent.map(({ atMs, direction, seq }) => ({ timestamp: atMs, direction, seq }));
    for (let times = repeats ? 2 : 1; times > 0; times--) {
      if (this.#operator.known.has(id)) this.heardMs.set(id, Date.now());
      if (door === 'mqtt') await this.#door.publish(`dpu/${id}/events`, JSON.stringify(payload));
      else await this.#door.client.post(`/v1/dpus/${id}/events`, payload);
    }
    this.#sent.push(...sent);
  }
}

type StoredEvent = { timestamp: string; direction: number; seq: number | null; recorded_at: string; status: string };

function identityOf({ atMs, direction, seq }: Omit<ModelEvent, 'dpu'>): string {
  return `${atMs} ${direction} ${seq}`;
}
