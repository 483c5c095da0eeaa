// News from other processes: told when there is some, once, whatever fails in between.
import { expect, test } from 'vitest';
import { awaitNews, followNews, type News } from '../../shared/storage/sqlite/news.ts';

/** Numbers that a test moves on, and what followers have been told, in order. */
function followed() {
  let [announced, command, failures] = [3, 5, 0];
  const told: string[] = [];
  const changed: (() => void)[] = [];
  const tell = (what: string) => () => {
    told.push(what);
    for (const resolve of changed.splice(0)) resolve();
  };
  const look = async (): Promise<News> => {
    if (failures > 0) {
      failures -= 1;
      throw new Error('away');
    }
    return { announced, command };
  };
  const end = followNews(awaitNews(look), { announced: tell('announced'), command: tell('command') });
  return {
    end,
    told,
    until: async (count: number) => {
      while (told.length < count) await new Promise<void>((resolve) => changed.push(resolve));
    },
    move: (to: Partial<News>) => {
      announced = to.announced ?? announced;
      command = to.command ?? command;
    },
    fail: (times: number) => {
      failures = times;
    },
  };
}

test('who begins to follow is told at once, and then of what is new', async () => {
  const { end, told, until, move } = followed();
  await until(2);
  expect(told).toEqual(['announced', 'command']);
  move({ command: 6 });
  await until(3);
  move({ announced: 4 });
  await until(4);
  move({ announced: 5, command: 7 });
  await until(6);
  end();
  expect(told.slice(2)).toEqual(['command', 'announced', 'announced', 'command']);
});

test('what cannot be looked up is looked up again, and nothing is told twice', async () => {
  const { end, told, until, move, fail } = followed();
  await until(2);
  fail(2);
  move({ command: 6 });
  await until(3);
  move({ announced: 4 });
  await until(4);
  end();
  expect(told.slice(2)).toEqual(['command', 'announced']);
});
