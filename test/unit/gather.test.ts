// Reads of one turn of the event loop go together, and each gets its own answers.
import { expect, test } from 'vitest';
import { Turn } from '../../shared/gather.ts';

test('reads of one turn are one read, each key once, and are answered in the order of each', async () => {
  const reads: (readonly string[])[] = [];
  const read = new Turn().gather(async (keys: readonly string[]) => {
    reads.push(keys);
    return keys.map((key) => key.toUpperCase());
  });
  const answers = await Promise.all([read(['a', 'b']), read(['c', 'a']), read([])]);
  expect(answers).toEqual([['A', 'B'], ['C', 'A'], []]);
  expect(reads).toEqual([['a', 'b', 'c']]);
});

test('a read that begins after another was sent does not share what that one found', async () => {
  let value = 1;
  const read = new Turn().gather(async (keys: readonly string[]) => keys.map(() => value++));
  expect([await read(['a']), await read(['a'])]).toEqual([[1], [2]]);
});

test('a read that fails fails for all that share it, and for nobody after', async () => {
  let isDown = true;
  const read = new Turn().gather(async (keys: readonly string[]) => {
    if (isDown) throw new Error('down');
    return keys;
  });
  const failed = await Promise.allSettled([read(['a']), read(['b'])]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isDown = false;
  expect(await read(['a'])).toEqual(['a']);
});

test('kinds of reads are read in their order, whichever was asked first', async () => {
  const order: string[] = [];
  const turn = new Turn();
  const kind = (name: string) =>
    turn.gather(async (keys: readonly number[]) => {
      order.push(name);
      return keys;
    });
  const [first, second] = [kind('first'), kind('second')];
  await Promise.all([second([1]), first([1]), second([2])]);
  expect(order).toEqual(['first', 'second']);
});
