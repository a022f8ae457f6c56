// SPDX-License-Identifier: Apache-2.0
// Warnings over time: hidden while young or a consequence, told when what is visible changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { createHealth } from './registry.ts';

const codes = (health: ReturnType<typeof createHealth>) => health.items().map((item) => item.code);

test('a warning without a delay is visible at once and goes when cleared', () => {
  const clock = new FakeClock(1_000);
  const health = createHealth({ clock });
  health.set('clock-off', { seconds: 90 });
  const [item] = health.items();
  assert.equal(item?.code, 'clock-off');
  assert.equal(item?.since, 1_000);
  assert.match(item?.text ?? '', /by 90 seconds/);
  health.clear('clock-off');
  assert.deepEqual(health.items(), []);
});

test('a fault that passes before its time to visible is never seen', () => {
  const clock = new FakeClock();
  const health = createHealth({ clock });
  let told = 0;
  health.subscribe(() => told++);
  health.set('ca-not-trusted', {});
  clock.advance(4_999);
  health.clear('ca-not-trusted');
  clock.advance(10_000);
  assert.equal(told, 0);
  assert.equal(clock.pending, 0);
});

test('a lasting fault becomes visible exactly at its time, although the wall clock jumps', () => {
  const clock = new FakeClock();
  const health = createHealth({ clock });
  health.set('ca-not-trusted', {});
  clock.jumpWall(3_600_000);
  clock.advance(4_999);
  assert.deepEqual(codes(health), []);
  clock.advance(1);
  assert.deepEqual(codes(health), ['ca-not-trusted']);
});

test('renewing a warning keeps its start and does not restart its delay', () => {
  const clock = new FakeClock(5_000);
  const health = createHealth({ clock });
  health.set('audit-degraded', { reason: 'slow disk' });
  clock.advance(1_500);
  health.set('audit-degraded', { reason: 'slower disk' });
  clock.advance(500);
  const [item] = health.items();
  assert.equal(item?.since, 5_000);
  assert.match(item?.text ?? '', /slower disk/);
});

test('consequences are hidden while their cause is on, and come back after it', () => {
  const health = createHealth({ clock: new FakeClock() });
  health.set('audit-full', { reason: 'cap' });
  health.set('audit-down', { reason: 'no file' });
  assert.deepEqual(codes(health), ['audit-down']);
  health.clear('audit-down');
  assert.deepEqual(codes(health), ['audit-full']);
});

test('a cause that is itself still too young hides its consequence already', () => {
  const clock = new FakeClock();
  const health = createHealth({ clock });
  health.set('disk-low', { freeBytes: 1 });
  health.set('audit-degraded', { reason: 'x' });
  clock.advance(2_000);
  assert.deepEqual(codes(health), []);
  clock.advance(8_000);
  assert.deepEqual(codes(health), ['disk-low']);
});

test('the gravest come first, then the oldest', () => {
  const clock = new FakeClock();
  const health = createHealth({ clock });
  health.set('gateway-token-required', {});
  clock.advance(1);
  health.set('clock-off', { seconds: 90 });
  clock.advance(1);
  health.set('pinned-client', { app: 'tool', host: 'api.example' });
  clock.advance(1);
  health.set('audit-down', { reason: 'no file' });
  assert.deepEqual(codes(health), ['audit-down', 'clock-off', 'pinned-client', 'gateway-token-required']);
});

test('listeners hear of visible changes only, and not after they left', () => {
  const health = createHealth({ clock: new FakeClock() });
  const heard: number[] = [];
  const leave = health.subscribe((items) => heard.push(items.length));
  health.set('clock-off', { seconds: 1 });
  health.set('clock-off', { seconds: 1 });
  health.set('ca-not-trusted', {});
  leave();
  health.clear('clock-off');
  assert.deepEqual(heard, [1]);
});
