// The queue of numbers gives back what an array that is pushed to and shifted from would.
import { expect, test } from 'vitest';
import { Numbers } from '../../broker/numbers.ts';

test.each([3, 700, 5_000])('what was pushed comes back in order, with up to %i waiting', (most) => {
  const queue = new Numbers();
  const model: number[] = [];
  let seed = 20_180_226;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647; // MINSTD (Park and Miller, 1988)
    return seed;
  };
  for (let step = 0; step < 40_000; step++) {
    if (model.length < most && random() % 100 < 55) {
      const value = random();
      queue.push(value);
      model.push(value);
    } else expect(queue.shift()).toBe(model.shift());
    expect(queue.length).toBe(model.length);
  }
  while (model.length > 0) expect(queue.shift()).toBe(model.shift());
  expect([queue.shift(), queue.length]).toEqual([undefined, 0]);
});
