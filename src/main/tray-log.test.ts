// SPDX-License-Identifier: Apache-2.0
// The tray's log on a stream that is closed: a terminal that is gone must not end the tray.

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createTrayLog, linesTo } from './tray-log.ts';

test('a closed terminal loses the lines, and nothing else', async () => {
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const log = createTrayLog(new FakeClock(), linesTo(stream));
  const closed = new Promise((resolve) => stream.once('close', resolve));
  log.warn('one');
  // Without a listener the error of the stream would be thrown here.
  await closed;
  assert.doesNotThrow(() => log.warn('two'));
});
