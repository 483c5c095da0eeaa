// A crowd of questions is asked together, and one alone at once.
import { expect, test } from 'vitest';
import { InStep } from '../../shared/in-step.ts';

test('what is asked while others are answered is asked together, once they are; nobody waits for a question that failed', async () => {
  const inStep = new InStep();
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<string>>();
  const ask = (name: string) =>
    inStep.ask(() => {
      asked.push(name);
      const answer = Promise.withResolvers<string>();
      answers.set(name, answer);
      return answer.promise;
    });
  const first = ask('first');
  expect(asked).toEqual(['first']);
  const others = ['second', 'third'].map(ask);
  expect(asked).toEqual(['first']);
  answers.get('first')?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await expect.poll(() => asked).toEqual(['first', 'second', 'third']);
  const last = ask('last');
  answers.get('third')?.resolve('3');
  expect(await others[1]).toBe('3');
  expect(asked).not.toContain('last');
  answers.get('second')?.resolve('2');
  expect(await others[0]).toBe('2');
  await expect.poll(() => asked).toContain('last');
  answers.get('last')?.resolve('4');
  expect(await last).toBe('4');
  const alone = ask('alone');
  expect(asked.at(-1)).toBe('alone');
  answers.get('alone')?.resolve('5');
  expect(await alone).toBe('5');
});
