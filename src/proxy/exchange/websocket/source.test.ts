// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Source } from './source.ts';

test('early bytes come first, bytes put back come before them, and the end is undefined', async () => {
  const socket = new PassThrough();
  const source = new Source(socket, Buffer.from('early'));
  socket.end('later');
  assert.equal(String(await source.next()), 'early');
  source.unread(Buffer.from('back'));
  assert.equal(String(await source.next()), 'back');
  assert.equal(String(await source.next()), 'later');
  assert.equal(await source.next(), undefined);
  assert.equal(await source.next(), undefined);
});

test('the end is noticed although nobody takes the bytes before it', async () => {
  const socket = new PassThrough();
  const source = new Source(socket, Buffer.alloc(0));
  socket.end('waiting');
  await source.ended;
  assert.equal(String(await source.next()), 'waiting');
  assert.equal(await source.next(), undefined);

  const broken = new PassThrough();
  const other = new Source(broken, Buffer.alloc(0));
  broken.destroy(new Error('reset'));
  await other.ended;
  assert.equal(await other.next(), undefined);
  assert.equal(await new Source(broken, Buffer.alloc(0)).next(), undefined);
});

test('it reads a little ahead and no further', async () => {
  const socket = new PassThrough({ highWaterMark: 16 * 1024 });
  new Source(socket, Buffer.alloc(0));
  let taken = 0;
  for (let turn = 0; turn < 100; turn++) {
    while (!socket.writableNeedDrain) {
      socket.write(Buffer.alloc(8 * 1024));
      taken += 8 * 1024;
    }
    await nextTurn();
  }
  assert.ok(taken >= 64 * 1024 && taken <= 160 * 1024, `${taken}`);
});

test('after detaching, others can read the socket', async () => {
  const socket = new PassThrough();
  const source = new Source(socket, Buffer.alloc(0));
  await nextTurn();
  source.detach();
  assert.equal(socket.listenerCount('readable'), 0);
  const data = once(socket, 'data');
  const ended = once(socket, 'end');
  socket.resume();
  socket.end('for somebody else');
  assert.equal(String((await data)[0]), 'for somebody else');
  await ended;
});
