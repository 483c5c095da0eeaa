// A fleet of DPUs that behaves as devices do: QoS 1, a few publishes in flight, and after each reconnect everything again
// that was not acknowledged, now and then also what was. It remembers what it has sent and what was acknowledged.
import { vi } from 'vitest';
import { seededRandom } from '../fault/seed.ts';
import type { Client } from './http.ts';
import { Model } from './model.ts';
import { openWire, publishPacket, type Wire } from './mqtt-wire.ts';

const IN_FLIGHT_MAX = 4;
const EVENTS_PER_MESSAGE_MAX = 5;
/** From the loss of a connection to the next try. */
const COME_BACK_MS = 10;
/** Share of the acknowledged messages that are sent once more. */
const REPEATS = 0.05;
const START_MS = Date.UTC(2026, 0, 15, 9);

type Message = { readonly number: number; readonly dpu: string; readonly payload: string };

/** Spaces in each other, a door of each kind, DPUs shared out among them. */
export function fleetFloorplan(dpus: number) {
  const doorways = [
    { id: 'gate', a: 'site', b: null },
    { id: 'stairs', a: 'hall', b: 'site' },
    { id: 'door', a: 'room', b: 'hall' },
  ];
  const spaces = [{ id: 'site' }, { id: 'hall', parent_id: 'site' }, { id: 'room', parent_id: 'hall' }];
  const placed = Array.from({ length: dpus }, (_, index) => ({
    id: `d${index}`,
    placements: [{ doorway_id: doorways[index % doorways.length]?.id, facing: 'a', from: null }],
  }));
  return { spaces, doorways, dpus: placed };
}

export class Fleet {
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #dpus: readonly string[];
  readonly #unacknowledged = new Map<string, Map<number, Message>>();
  readonly #wires = new Set<Wire>();
  /** Identities of all events that were ever sent. */
  readonly sent = new Map<string, { dpu: string; atMs: number; direction: number }>();
  acknowledged = 0;
  #numbers = 0;
  #generating = false;
  #isOver = false;

  readonly #restMs: number;

  /** `restMs`: of each DPU after an acknowledgement; 0: as fast as it goes. */
  constructor(seed: number, dpus: number, restMs = 0) {
    this.#restMs = restMs;
    this.#random = seededRandom(seed);
    this.#dpus = Array.from({ length: dpus }, (_, index) => `d${index}`);
    for (const dpu of this.#dpus) this.#unacknowledged.set(dpu, new Map());
  }

  /** As `connect`; whoever loses its connection connects again, until `finish` is done. */
  async stayConnected(port: number): Promise<void> {
    this.#isOver = false;
    this.#generating = true;
    const comeBack = async (dpu: string): Promise<void> => {
      while (!this.#isOver) {
        const wire = await this.#serve(dpu, port).catch(() => null);
        while (wire?.ended === false) await wire.closed().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, COME_BACK_MS));
      }
    };
    for (const dpu of this.#dpus) void comeBack(dpu);
  }

  /** Connects everybody; each sends again what was not acknowledged, then goes on publishing until `finish` or the end of the connection. */
  async connect(port: number): Promise<void> {
    this.#generating = true;
    await Promise.all(this.#dpus.map((dpu) => this.#serve(dpu, port).catch(() => undefined)));
  }

  /** Nothing new is published; resolves when all that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.#generating = false;
    const waiting = () => [...this.#unacknowledged.values()].reduce((sum, messages) => sum + messages.size, 0);
    await vi.waitFor(
      () => {
        if (waiting() > 0) throw new Error(`${waiting()} messages are not acknowledged`);
      },
      { timeout: 20_000, interval: 10 },
    );
    this.#isOver = true;
    for (const wire of this.#wires) wire.destroy();
  }

  async #serve(dpu: string, port: number): Promise<Wire> {
    const wire = await openWire(port);
    this.#wires.add(wire);
    await wire.connect({ clientId: dpu });
    const own = this.#unacknowledged.get(dpu) as Map<number, Message>;
    const publish = (message: Message) =>
      wire.send(publishPacket(`dpu/${dpu}/events`, message.payload, 1 + (message.number % 65_535)));
    for (const message of own.values()) publish(message);
    const more = () => {
      while (this.#generating && own.size < IN_FLIGHT_MAX && !wire.ended) {
        const message = this.#message(dpu);
        own.set(message.number, message);
        publish(message);
      }
    };
    more();
    void (async () => {
      for (;;) {
        const answer = await wire.next();
        if (answer.cmd !== 'puback') continue;
        const message = [...own.values()].find(({ number }) => 1 + (number % 65_535) === answer.messageId);
        if (message === undefined) continue;
        own.delete(message.number);
        this.acknowledged += 1;
        if (this.#random.chance(REPEATS)) publish(message);
        if (this.#restMs === 0) more();
        else setTimeout(more, this.#restMs);
      }
    })()
      .catch(() => undefined)
      .finally(() => this.#wires.delete(wire));
    return wire;
  }

  #message(dpu: string): Message {
    const number = ++this.#numbers;
    const events = Array.from({ length: 1 + this.#random.below(EVENTS_PER_MESSAGE_MAX) }, (_, index) => {
      const late = this.#random.chance(0.1) ? this.#random.below(10 * 86_400_000) : 0;
      const atMs = START_MS + number * 7 + index - late;
      const direction = this.#random.chance(0.5) ? 1 : -1;
      this.sent.set(`${dpu} ${atMs} ${direction}`, { dpu, atMs, direction });
      return { timestamp: atMs, direction };
    });
    return { number, dpu, payload: JSON.stringify(events.length === 1 ? events[0] : events) };
  }
}

/** Identities of all events that the service has stored; throws when it lists one twice. */
export async function storedBy(client: Client): Promise<Set<string>> {
  const stored = new Set<string>();
  const range = 'start_time=2026-01-01T00:00:00Z&end_time=2027-01-01T00:00:00Z&page_size=5000';
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await client.get(`/v1/events?${range}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const { dpu_id, timestamp, direction } of page.results) {
      const identity = `${dpu_id} ${Date.parse(timestamp)} ${direction}`;
      if (stored.has(identity)) throw new Error(`stored twice: ${identity}`);
      stored.add(identity);
    }
    cursor = page.next;
  }
  return stored;
}

/** What is wrong with what the service has stored and counted of the fleet's events; nothing when all is right. */
export async function faultsOf(fleet: Fleet, client: Client): Promise<string[]> {
  const faults: string[] = [];
  const stored = await storedBy(client);
  for (const identity of fleet.sent.keys())
    if (!stored.has(identity)) faults.push(`acknowledged and lost: ${identity}`);
  if (stored.size !== fleet.sent.size) faults.push(`${stored.size} stored, ${fleet.sent.size} sent`);
  for (const space of ['site', 'hall', 'room']) {
    const { count } = await client.get(`/v1/spaces/${space}/count`);
    const expected = expectedCount(fleet, space);
    if (count !== expected) faults.push(`count of ${space} is ${count}, should be ${expected}`);
  }
  const { discrepancies } = await client.post('/v1/verify', {});
  faults.push(...discrepancies.map((found: unknown) => `verify: ${JSON.stringify(found)}`));
  return faults.slice(0, 20);
}

/** Worked out by the model, once for each DPU and direction: its doors never move here. */
function expectedCount(fleet: Fleet, space: string): number {
  const model = new Model();
  const version = { fromMs: null, timeZone: 'UTC', dailyReset: null };
  const { spaces, doorways, dpus } = fleetFloorplan(60);
  for (const { id, parent_id = null } of spaces as { id: string; parent_id?: string }[]) {
    model.record([{ kind: 'space_version', id: id as never, parentId: parent_id as never, ...version }], 0);
  }
  for (const { id, a, b } of doorways) {
    model.record([{ kind: 'doorway_version', id: id as never, fromMs: null, a: a as never, b: b as never }], 0);
  }
  for (const { id, placements } of dpus) {
    const doorwayId = placements[0]?.doorway_id as never;
    const placed = { kind: 'placement' as const, id: `p${id}` as never, dpuId: id as never, doorwayId };
    model.record([{ ...placed, facing: 'a', fromMs: null, untilMs: null }], 0);
  }
  const ofOne = new Map(
    dpus.map(({ id }) => [id, model.delta({ dpu: id, atMs: START_MS, direction: 1, seq: null }, space)]),
  );
  let count = 0;
  for (const { dpu, direction } of fleet.sent.values()) count += direction * (ofOne.get(dpu) ?? 0);
  return count;
}
