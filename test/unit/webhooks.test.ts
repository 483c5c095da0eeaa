// Webhooks by themselves: which addresses may be called, when a message is tried again, and which thresholds a count crosses.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { literalAddress, permitAddress, permittedLookup, RefusedAddress } from '../../api/webhooks/networks.ts';
import { afterAttempt, FAILING_MS_MAX, waitMs } from '../../api/webhooks/retrying.ts';
import { type Letter, signedHeaders } from '../../api/webhooks/send.ts';
import { judgeThresholds } from '../../api/webhooks/thresholds.ts';
import type { Space } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { newDelivery, type Threshold } from '../../shared/webhook.ts';

const isPermitted = (address: string, isEncrypted = true, networks: readonly string[] = []): boolean => {
  try {
    permitAddress(address, isEncrypted, networks);
    return true;
  } catch (error) {
    if (error instanceof RefusedAddress) return false;
    throw error;
  }
};

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '127.8.8.8',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '240.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '100::1',
    'fec0::1',
  ])('%s is not public', (address) => {
    expect(isPermitted(address)).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '::ffff:1.1.1.1',
    '2606:4700:4700::1111',
  ])('%s is, over https', (address) => {
    expect([isPermitted(address), isPermitted(address, false)]).toEqual([true, false]);
  });

  test('a network that is allowed is good over http too, and no other', () => {
    const networks = ['10.1.0.0/16', 'fd00::/8'];
    expect(['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1'].map((one) => isPermitted(one, false, networks))).toEqual([
      true,
      true,
      true,
    ]);
    expect(['10.2.0.1', 'fe80::1', '127.0.0.1'].map((one) => isPermitted(one, true, networks))).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('an address is seen however it is written', () => {
    for (const host of ['127.1', '0x7f000001', '2130706433', '017700000001', '[::ffff:7f00:1]', '127.0.0.1.']) {
      const literal = literalAddress(new URL(`https://${host}/`));
      expect([host, literal === null ? null : isPermitted(literal)]).toEqual([host, false]);
    }
    expect(literalAddress(new URL('https://dashboard.example/'))).toBe(null);
  });

  test('a name is as good as every address that it has', async () => {
    const look = (networks: readonly string[]) =>
      new Promise((resolve) =>
        permittedLookup(true, networks)('localhost', { all: true }, (error, found) => resolve(error ?? found)),
      );
    expect(await look([])).toBeInstanceOf(RefusedAddress);
    expect(await look(['127.0.0.0/8', '::1/128'])).toContainEqual({ address: '127.0.0.1', family: 4 });
  });
});

describe('trying again', () => {
  const NOW_MS = Date.UTC(2026, 2, 2);
  const message = { messageId: 'msg_1', type: 'webhook.test', body: '{}' } as const;
  const failed = { statusCode: 500, error: 'it answered 500', retryAfterMs: null };

  test('waits grow from a second to hours, each a little by chance', () => {
    expect([1, 2, 3, 4, 9, 50].map((failures) => waitMs(failures, 0.5) / 1000)).toEqual([
      1, 5, 30, 120, 14_400, 14_400,
    ]);
    expect([waitMs(2, 0), waitMs(2, 1)]).toEqual([4_000, 6_000]);
  });

  test('a message that always fails is tried for a day and no longer, at least once in five hours', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (random) => {
        let [delivery, nowMs] = [newDelivery(1, message, NOW_MS), NOW_MS];
        for (let attempts = 1; ; attempts++) {
          const after = afterAttempt(delivery, failed, nowMs, random.next().value as number);
          if (after.disabledBecause !== null) {
            expect([nowMs - NOW_MS, attempts > 12]).toEqual([FAILING_MS_MAX, true]);
            return;
          }
          delivery = after.delivery;
          const nextMs = delivery.nextAttemptAtMs as number;
          expect(nextMs - nowMs).toBeGreaterThan(0);
          expect(nextMs - nowMs).toBeLessThan(5 * 3_600_000);
          nowMs = nextMs;
        }
      }),
    );
  });

  test('a receiver may ask for patience, and success ends the count', () => {
    const asked = afterAttempt(newDelivery(1, message, NOW_MS), { ...failed, retryAfterMs: 60_000 }, NOW_MS, 0.5);
    expect(asked.delivery).toMatchObject({ failures: 1, failingSinceMs: NOW_MS, nextAttemptAtMs: NOW_MS + 60_000 });
    const done = afterAttempt(
      asked.delivery,
      { statusCode: 200, error: null, retryAfterMs: null },
      NOW_MS + 60_000,
      0.5,
    );
    expect(done.delivery).toMatchObject({
      isDelivered: true,
      attempts: 2,
      failures: 0,
      failingSinceMs: null,
      nextAttemptAtMs: null,
    });
  });
});

test('the signature is the one of the specification', () => {
  // https://github.com/standard-webhooks/standard-webhooks, the vector of the libraries' tests.
  const letter: Letter = {
    url: 'https://dashboard.example/',
    secrets: [{ text: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', untilMs: null }],
    messageId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    body: '{"test": 2432232314}',
  };
  expect(signedHeaders(letter, 1_614_265_330_000)).toMatchObject({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

describe('thresholds', () => {
  const spaceId = 'A' as SpaceId;
  const of = (capacity: number | null) => ({
    spaces: new Map([[spaceId, { id: spaceId, name: 'A', capacity, retiredAtMs: null, versions: [] } satisfies Space]]),
  });
  const told = (threshold: Threshold, capacity: number | null, counts: readonly number[]) => {
    let crossed: readonly string[] = [];
    return counts.map((count) => {
      const counted = { spaceId, atMs: 0, count, start: null, revision: 0 };
      const judged = judgeThresholds(of(capacity), [threshold], [counted], crossed);
      crossed = judged.crossed;
      return judged.events.map(({ kind }) => kind.slice('threshold.'.length)).join();
    });
  };

  test('between both limits nothing is told', () => {
    const threshold: Threshold = { spaceId, of: 'people', above: 9, below: 7 };
    expect(told(threshold, null, [9, 10, 9, 8, 10, 8, 7, 8, 9, 10])).toEqual([
      '',
      'crossed',
      '',
      '',
      '',
      '',
      'cleared',
      '',
      '',
      'crossed',
    ]);
  });

  test('with one limit a count is more than it or not', () => {
    expect(told({ spaceId: null, of: 'people', above: 0, below: 0 }, null, [0, 1, 0, -1, 1])).toEqual([
      '',
      'crossed',
      'cleared',
      '',
      'crossed',
    ]);
  });

  test('parts of the capacity are exact, and without one nothing is crossed', () => {
    const threshold: Threshold = { spaceId, of: 'capacity', above: 0.57, below: 0.57 };
    expect(told(threshold, 100, [57, 58, 57])).toEqual(['', 'crossed', 'cleared']);
    expect(told(threshold, null, [1000])).toEqual(['']);
  });
});
