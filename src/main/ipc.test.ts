// SPDX-License-Identifier: Apache-2.0
// What crosses from the window and back: form, number at once, and failures as codes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { REQUESTS } from '../contract/tray.ts';
import { silentLog } from '../proxy/log.ts';
import { type Handlers, serveRequests } from './ipc.ts';
import type { Sender, Shell } from './shell-port.ts';

const OURS: Sender = { url: 'outpost-app://window/#/', main: true };

function served(handler: (name: string) => Promise<unknown>) {
  const clock = new FakeClock();
  const channels = new Map<string, (sender: Sender, value: unknown) => Promise<unknown>>();
  const handlers = new Proxy({} as Handlers, { get: (_target, name: string) => () => handler(name) });
  const shell = { handle: (channel: string, answer: Parameters<Shell['handle']>[1]) => channels.set(channel, answer) };
  const drop = serveRequests({ shell, clock, handlers, log: silentLog });
  return Object.assign(channels, { clock, drop });
}

test('there is a channel for each request of the contract, and no other', () => {
  const channels = served(async () => ({}));
  assert.deepEqual(
    [...channels.keys()].sort(),
    Object.keys(REQUESTS)
      .map((name) => `outpost:${name}`)
      .sort(),
  );
});

test('a failure crosses as a code: no message, no path, no stack', async () => {
  const channels = served(() => Promise.reject(new Error('ENOENT /home/someone/secret')));
  assert.deepEqual(await channels.get('outpost:usage')?.(OURS, {}), { ok: false, error: 'failed' });
});

test('so many at once and no more; a place that is free again is given again', async () => {
  const waiting: (() => void)[] = [];
  const channels = served(() => new Promise((resolve) => waiting.push(() => resolve({}))));
  const ask = () => channels.get('outpost:usage')?.(OURS, {});
  const sixteen = Array.from({ length: 16 }, ask);
  assert.deepEqual(await ask(), { ok: false, error: 'busy' });
  for (const done of waiting.splice(0)) done();
  await Promise.all(sixteen);
  const again = ask();
  waiting[0]?.();
  assert.deepEqual(await again, { ok: true, value: {} });
});

test('what asks nothing of the daemon is answered also while that is busy', async () => {
  const channels = served((name) => (name === 'watch' ? Promise.resolve({}) : new Promise(() => undefined)));
  for (let asked = 0; asked < 16; asked++) void channels.get('outpost:usage')?.(OURS, {});
  assert.deepEqual(await channels.get('outpost:call')?.(OURS, { id: 'x' }), { ok: false, error: 'busy' });
  assert.deepEqual(await channels.get('outpost:watch')?.(OURS, {}), { ok: true, value: {} });
  channels.drop();
});

test('an ask that hangs gives its place up after its time, and with its window', async () => {
  const channels = served(() => new Promise(() => undefined));
  const ask = () => channels.get('outpost:usage')?.(OURS, {});
  const failed = { ok: false, error: 'failed' };
  const late = Array.from({ length: 16 }, ask);
  channels.clock.advance(120_000);
  for (const one of late) assert.deepEqual(await one, failed);
  const left = Array.from({ length: 16 }, ask);
  channels.drop();
  const next = ask();
  for (const one of left) assert.deepEqual(await one, failed);
  channels.drop();
  assert.deepEqual(await next, failed, 'it had a place');
  assert.equal(channels.clock.pending, 0);
});

test('where to save may be thought over for long', async () => {
  let chosen: (value: unknown) => void = () => undefined;
  const channels = served(
    () =>
      new Promise((resolve) => {
        chosen = resolve;
      }),
  );
  const saving = channels.get('outpost:save')?.(OURS, { what: 'rows' });
  await channels.clock.advanceAsync(3_600_000);
  chosen({ kind: 'cancelled' });
  assert.deepEqual(await saving, { ok: true, value: { kind: 'cancelled' } });
});

test('only our page in the top frame is answered', async () => {
  const channels = served(async () => ({}));
  const about = channels.get('outpost:about');
  for (const sender of [
    { url: 'outpost-app://window/', main: false },
    { url: 'https://example.com/', main: true },
    { url: 'outpost-app://window.example.com/', main: true },
    { url: '', main: true },
  ]) {
    assert.deepEqual(await about?.(sender, {}), { ok: false, error: 'refused' }, sender.url);
  }
  assert.deepEqual(await about?.(OURS, {}), { ok: true, value: {} });
});
