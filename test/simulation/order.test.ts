// SPDX-License-Identifier: Apache-2.0
// Invariant S4 with real processes and sockets: an order reaches every connected device by its stream alone. How fast is the bench's to say
// (`kill`); here nobody polls, so that a device which the nudge does not reach never has the order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCrowd } from './crowd.ts';
import { startPlane } from './plane.ts';

const DEVICES = 2_000;
/** Milliseconds; a hang, not a measure. */
const HANG = 200_000;

test(`${DEVICES} devices connected over TLS are told of an order, and each fetches it`, {
  timeout: HANG,
}, async (t) => {
  const plane = await startPlane({ devices: DEVICES, tls: true });
  assert.match(plane.url, /^https:/);
  t.after(() => plane.stop());
  assert.equal(new Set(plane.rings).size, 4, 'in all rings');
  const crowd = await startCrowd(plane);
  t.after(() => crowd.stop());
  await plane.publish('{}');
  await crowd.connect();
  assert.equal(await plane.streams(), DEVICES);
  const obeyed = crowd.obeyed();
  const { at } = await plane.kill();
  const times = await obeyed;
  assert.deepEqual([times.told.length, times.obeyed.length], [DEVICES, DEVICES]);
  assert.ok(Math.min(...times.told) > at, 'nobody was told before');
});
