// The timing wheel: everybody is looked at when the time has come, and nobody who has left.
import { expect, test } from 'vitest';
import { SLOT_MS, Wheel } from '../../broker/wheel.ts';

type Member = { slot: number; readonly dueAtMs: number };
type Look = { readonly member: Member; readonly atMs: number };

/** A wheel of members that are done with when they are due, and what it looked at. */
function wheelOf(dueAtMs: readonly number[]) {
  const looks: Look[] = [];
  let nowMs = 0;
  const wheel = new Wheel<Member>(nowMs, (member) => {
    looks.push({ member, atMs: nowMs });
    return member.dueAtMs > nowMs ? member.dueAtMs - nowMs : null;
  });
  const members = dueAtMs.map((due) => ({ slot: -1, dueAtMs: due }));
  for (const member of members) wheel.add(member, member.dueAtMs);
  const turnTo = (atMs: number) => {
    nowMs = atMs;
    wheel.turn(nowMs);
  };
  return { wheel, looks, members, turnTo };
}

test('each is looked at within a slot of its time, however far that is, and then no more', () => {
  const due = [1, 249, 250, 251, 4_999, 5_000, 5_001, 61_234, 127_749, 127_750, 127_751, 128_001, 300_000];
  const { looks, members, turnTo } = wheelOf(due);
  for (let atMs = 0; atMs <= 400_000; atMs += 50) turnTo(atMs);
  for (const member of members) {
    const lastMs = looks.findLast((look) => look.member === member)?.atMs as number;
    expect(lastMs).toBeGreaterThanOrEqual(member.dueAtMs);
    expect(lastMs).toBeLessThanOrEqual(member.dueAtMs + SLOT_MS);
    expect(member.slot).toBe(-1);
  }
});

test('who waits long is looked at a few times only', () => {
  const { looks, turnTo } = wheelOf([90_000, 1_800_000]);
  for (let atMs = 0; atMs <= 2_000_000; atMs += 50) turnTo(atMs);
  const of = (dueAtMs: number) => looks.filter(({ member }) => member.dueAtMs === dueAtMs).length;
  expect(of(90_000)).toBe(1);
  expect(of(1_800_000)).toBeLessThanOrEqual(16);
});

test('who has left is not looked at', () => {
  const { wheel, looks, members, turnTo } = wheelOf([1_000, 1_000]);
  wheel.delete(members[0] as Member);
  turnTo(2_000);
  expect(looks.map(({ member }) => member)).toEqual([members[1]]);
});

test('neither is one who leaves while others are looked at', () => {
  const looked: Member[] = [];
  const members = [1, 2].map((dueAtMs) => ({ slot: -1, dueAtMs }));
  const wheel = new Wheel<Member>(0, (member) => {
    looked.push(member);
    for (const other of members) wheel.delete(other);
    return null;
  });
  for (const member of members) wheel.add(member, 1_000);
  wheel.turn(2_000);
  expect(looked).toEqual([members[0]]);
});

test('after a standstill everybody whose time has come meanwhile is looked at', () => {
  const { looks, members, turnTo } = wheelOf([100, 1_000, 3_000, 20_000]);
  turnTo(30_000);
  expect(new Set(looks.map(({ member }) => member))).toEqual(new Set(members));
});
