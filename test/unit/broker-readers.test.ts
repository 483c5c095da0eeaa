// A reader of retained topics gets the newest of each at its own pace, however much changes while it takes nothing.
import { EventEmitter } from 'node:events';
import { type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { expect, test } from 'vitest';
import type { Guard } from '../../broker/guard.ts';
import { Readers } from '../../broker/readers.ts';
import type { Subscribed } from '../../broker/subscriptions.ts';
import { type Notice, NoticeBoard, type Told } from '../../shared/notices.ts';

type Received = [topic: string, payload: string, isRetained: boolean];

/** A connection that takes what is written to it when it is told to. */
class Connection extends EventEmitter {
  readonly received: Received[] = [];
  readonly destroyed = false;
  bytesWaiting = 0;
  #taken: (() => void)[] = [];
  readonly #incoming = parser().on('packet', (packet: Packet) => {
    const { topic, payload, retain, qos } = packet as IPublishPacket;
    expect(qos).toBe(0);
    this.received.push([topic, payload.toString(), retain]);
  });

  send(bytes: Buffer, taken: () => void): void {
    this.bytesWaiting += bytes.length;
    this.#incoming.parse(bytes);
    this.#taken.push(taken);
  }

  take(): void {
    this.bytesWaiting = 0;
    for (const taken of this.#taken.splice(0)) taken();
  }

  takeAll(): Received[] {
    do this.take();
    while (this.#taken.length > 0);
    return this.received.splice(0);
  }
}

function setUp() {
  let put: (told: Told) => void = () => undefined;
  const followed = { times: 0, over: 0 };
  const board = new NoticeBoard((onBoard, signal) => {
    put = onBoard;
    followed.times += 1;
    signal.addEventListener('abort', () => {
      followed.over += 1;
    });
  });
  let version = 1;
  const visible = new Set<string>();
  const readers = new Readers('count', board, () => version);
  const subscribe = (filter: string, isConfined = false, connection = new Connection()) => {
    const subscribed: Subscribed = {
      guard: connection as unknown as Guard,
      filter,
      qos: 1,
      isAllowed: () => true,
      mayRead: (_what, id) => !isConfined || visible.has(id),
      isConfined,
    };
    readers.subscribed(subscribed);
    return connection;
  };
  const tell = (notices: readonly Notice[], isFirst = false) => put({ notices, isFirst });
  const grow = () => {
    version += 1;
  };
  return { board, readers, subscribe, tell, followed, visible, grow };
}

test('what stands there comes retained, what changes later not, and nothing twice', () => {
  const { subscribe, tell } = setUp();
  const connection = subscribe('spaces/+/count');
  tell([['A', '1']], true);
  tell([['A', '1']]);
  expect(connection.takeAll()).toEqual([['spaces/A/count', '1', true]]);
  tell([['A', '2']]);
  expect(connection.takeAll()).toEqual([['spaces/A/count', '2', false]]);
  const later = subscribe('spaces/A/count');
  expect(later.takeAll()).toEqual([['spaces/A/count', '2', true]]);
  expect(subscribe('spaces/B/count').takeAll()).toEqual([]);
});

test('who subscribes again gets it again, and overlapping filters bring it once', () => {
  const { subscribe, tell } = setUp();
  const connection = subscribe('spaces/+/count');
  tell([['A', '1']], true);
  connection.takeAll();
  subscribe('+/A/count', false, connection);
  expect(connection.takeAll()).toEqual([['spaces/A/count', '1', true]]);
  tell([['A', '2']]);
  expect(connection.takeAll()).toEqual([['spaces/A/count', '2', false]]);
});

test('a reader that takes nothing holds one batch, and then gets only the newest of each', () => {
  const { subscribe, tell } = setUp();
  const ids = Array.from({ length: 500 }, (_, index) => `space-${index}`);
  const connection = subscribe('spaces/+/count');
  const payload = (round: number) => `round ${round} ${'x'.repeat(200)}`;
  for (let round = 0; round < 100; round++) tell(ids.map((id) => [id, payload(round)]));
  expect(connection.bytesWaiting).toBeLessThan(10_000);
  const received = connection.takeAll();
  expect(received.length).toBeLessThan(600);
  const newest = new Map(received.map(([topic, text]) => [topic, text]));
  expect([newest.size, new Set(newest.values())]).toEqual([500, new Set([payload(99)])]);
});

test('what is gone is taken away from who had it, and is nothing to who comes later', () => {
  const { subscribe, tell } = setUp();
  const connection = subscribe('spaces/+/count');
  tell([['A', '1']], true);
  connection.takeAll();
  tell([['A', null]]);
  expect(connection.takeAll()).toEqual([['spaces/A/count', '', false]]);
  expect(subscribe('spaces/+/count').takeAll()).toEqual([]);
});

test('a confined reader sees its part, as it is at any time', async () => {
  const { subscribe, tell, visible, grow } = setUp();
  visible.add('A');
  const connection = subscribe('spaces/+/count', true);
  tell(
    [
      ['A', '1'],
      ['B', '1'],
    ],
    true,
  );
  expect(connection.takeAll()).toEqual([['spaces/A/count', '1', true]]);
  tell([['B', '2']]);
  expect(connection.takeAll()).toEqual([]);
  visible.delete('A');
  visible.add('B');
  grow();
  const seen: Received[] = [];
  await expect
    .poll(
      () => {
        seen.push(...connection.takeAll());
        return seen.toSorted();
      },
      { timeout: 5_000 },
    )
    .toEqual([
      ['spaces/A/count', '', false],
      ['spaces/B/count', '2', false],
    ]);
});

test('who subscribes and unsubscribes over and over leaves nothing behind', () => {
  const { subscribe, readers } = setUp();
  const connection = new Connection();
  for (let times = 0; times < 20; times++) {
    subscribe('spaces/+/count', false, connection);
    expect(connection.listenerCount('close')).toBe(1);
    readers.unsubscribed(connection as unknown as Guard, 'spaces/+/count');
  }
  expect(connection.listenerCount('close')).toBe(0);
});

test('a board is followed while somebody reads', () => {
  const { subscribe, followed, readers, tell, board } = setUp();
  const [one, two] = [subscribe('spaces/+/count'), subscribe('spaces/A/count')];
  tell([['A', '1']], true);
  readers.unsubscribed(one as unknown as Guard, 'spaces/+/count');
  expect(followed).toEqual({ times: 1, over: 0 });
  two.emit('close');
  expect(followed).toEqual({ times: 1, over: 1 });
  expect([...board.ids()]).toEqual([]);
  subscribe('dpus/+/status');
  subscribe('dpu/A/commands');
  expect(followed.times).toBe(1);
  subscribe('spaces/A/count');
  expect(followed.times).toBe(2);
});
