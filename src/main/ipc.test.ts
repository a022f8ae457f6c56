// SPDX-License-Identifier: Apache-2.0
// What crosses from the window and back: form, number at once, and failures as codes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REQUESTS } from '../contract/tray.ts';
import { silentLog } from '../proxy/log.ts';
import { type Handlers, serveRequests } from './ipc.ts';
import type { Sender } from './shell-port.ts';

const OURS: Sender = { url: 'outpost-app://window/#/', main: true };

function served(handler: (name: string) => Promise<unknown>) {
  const channels = new Map<string, (sender: Sender, value: unknown) => Promise<unknown>>();
  const handlers = new Proxy({} as Handlers, { get: (_target, name: string) => () => handler(name) });
  serveRequests({ shell: { handle: (channel, answer) => channels.set(channel, answer) }, handlers, log: silentLog });
  return channels;
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
