// Which topics carry events, and which filters may be subscribed to.
import { expect, test } from 'vitest';
import { dpuOfCommandsFilter, dpuOfEventsTopic, isSubscribable } from '../../broker/topics.ts';

test.each([
  ['dpu/423/events', '423'],
  ['dpu/a_B-9/events', 'a_B-9'],
  [`dpu/${'x'.repeat(64)}/events`, 'x'.repeat(64)],
  [`dpu/${'x'.repeat(65)}/events`, null],
  ['dpu//events', null],
  ['dpu/events', null],
  ['dpu/a/b/events', null],
  ['dpu/a b/events', null],
  ['dpu/é/events', null],
  ['dpu/423\n/events', null],
  ['dpu/423/events/', null],
  ['/dpu/423/events', null],
  ['dpu/423/commands', null],
  ['DPU/423/events', null],
  ['$SYS/dpu/423/events', null],
  ['', null],
])('the DPU of topic %j is %j', (topic, dpuId) => {
  expect(dpuOfEventsTopic(topic)).toBe(dpuId);
});

test.each([
  ['spaces/+/count', true],
  ['dpu/423/commands', true],
  ['#', false],
  ['dpu/#', false],
  ['$SYS/+', false],
  ['$share/group/dpu/+/events', false],
  ['$stored', false],
  ['dpu/+/commands', false],
  ['+/423/commands', false],
  ['dpu/423/+', false],
  ['+/+/+', false],
  ['dpu/+/events', true],
  ['+/+/count', true],
])('filter %j may be subscribed to: %j', (filter, granted) => {
  expect(isSubscribable(filter)).toBe(granted);
});

test.each([
  ['dpu/423/commands', '423'],
  ['dpu/+/commands', null],
  ['+/423/commands', null],
  ['dpu/423/events', null],
  ['dpu/423/+', null],
  ['dpu/a/b/commands', null],
])('filter %j stands for the commands of DPU %j', (filter, dpuId) => {
  expect(dpuOfCommandsFilter(filter)).toBe(dpuId);
});
