// What every store of commands promises, on each back-end.
import { expect, test } from 'vitest';
import type { DpuId } from '../../shared/ids.ts';
import { COMMANDS_DONE_KEPT, COMMANDS_WAITING_MAX, type Command } from '../../shared/storage/commands.ts';
import { describeFleet } from '../support/fleet-backends.ts';

const dpu = (text: string) => text as DpuId;
const command = (id: string, more: Partial<Command> = {}): Command => ({
  id,
  dpuId: dpu('423'),
  payload: `{"id":"${id}","arguments":{"list":[],"none":{},"text":"0|1|\\nü"}}`,
  queuedAtMs: 1_000,
  expiresAtMs: 9_000,
  deliveredAtMs: null,
  ...more,
});
const idsOf = (commands: readonly Command[]) => commands.map(({ id }) => id);

describeFleet('commands', (open) => {
  const start = async () => (await open()).commands;

  test('an empty store has none', async () => {
    const [store] = await start();
    expect(await store.list(dpu('423'))).toEqual([]);
    expect(await store.since(null)).toEqual({ number: 0, dpuIds: [] });
    expect(await store.withdraw(dpu('423'), 'none')).toBe(null);
    await store.delivered(dpu('423'), 'none', 5);
    expect(await store.list(dpu('423'))).toEqual([]);
  });

  test('what one process queues, the other lists as it is, in order, each DPU its own', async () => {
    const [store, other] = await start();
    const all = ['b', 'a', 'c'].map((id) => command(id));
    for (const one of all) expect(await store.queue(one)).toBe(true);
    await other.queue(command('x', { dpuId: dpu('283') }));
    expect(await other.list(dpu('423'))).toEqual(all);
    expect(idsOf(await store.list(dpu('283')))).toEqual(['x']);
  });

  test('the first delivery counts', async () => {
    const [store, other] = await start();
    await store.queue(command('a'));
    await store.delivered(dpu('423'), 'a', 2_000);
    await other.delivered(dpu('423'), 'a', 3_000);
    expect(await store.list(dpu('423'))).toEqual([command('a', { deliveredAtMs: 2_000 })]);
  });

  test('what waits can be withdrawn; what was delivered stays', async () => {
    const [store, other] = await start();
    for (const id of ['a', 'b']) await store.queue(command(id));
    await store.delivered(dpu('423'), 'b', 2_000);
    expect(await other.withdraw(dpu('423'), 'a')).toEqual(command('a'));
    expect(await other.withdraw(dpu('423'), 'a')).toBe(null);
    expect(await other.withdraw(dpu('423'), 'b')).toMatchObject({ deliveredAtMs: 2_000 });
    expect(idsOf(await store.list(dpu('423')))).toEqual(['b']);
  });

  test('so many may wait; expired and delivered ones do not wait, and of those so many are kept', async () => {
    const [store] = await start();
    for (let index = 0; index < COMMANDS_WAITING_MAX; index++) await store.queue(command(`a${index}`));
    expect(await store.queue(command('more'))).toBe(false);
    await store.delivered(dpu('423'), 'a50', 2_000);
    expect(await store.queue(command('more'))).toBe(true);
    expect(await store.queue(command('again'))).toBe(false);
    // All that waited have expired by then.
    for (let index = 0; index < 3; index++) {
      expect(await store.queue(command(`b${index}`, { queuedAtMs: 9_000, expiresAtMs: 99_000 }))).toBe(true);
    }
    const kept = idsOf(await store.list(dpu('423')));
    expect(kept).toHaveLength(COMMANDS_DONE_KEPT + 3);
    expect([kept[0], ...kept.slice(-4)]).toEqual(['a1', 'more', 'b0', 'b1', 'b2']);
  });

  test('of which DPUs something was queued is told after any number', async () => {
    const [store, other] = await start();
    await store.queue(command('a'));
    const { number } = await other.since(null);
    expect(await other.since(number)).toEqual({ number, dpuIds: [] });
    await store.queue(command('b'));
    await store.queue(command('c', { dpuId: dpu('283') }));
    await store.queue(command('d', { dpuId: dpu('283') }));
    const told = await other.since(number);
    expect(new Set(told.dpuIds)).toEqual(new Set(['423', '283']));
    expect(told.dpuIds).toHaveLength(2);
    expect(told.number).toBe((await store.since(null)).number);
    expect(told.number).toBeGreaterThan(number);
    // A number is not given again when its command is gone.
    await store.withdraw(dpu('283'), 'd');
    await store.queue(command('e'));
    expect((await other.since(told.number)).dpuIds).toEqual(['423']);
  });
});
