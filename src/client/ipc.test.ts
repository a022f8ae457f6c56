// SPDX-License-Identifier: Apache-2.0
// The page's client in the window: what it asks, what it believes, and what it drops.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeAgent } from '../../test/fakes/fake-agent.ts';
import { type Bridge, DEFAULT_PREFERENCES } from '../contract/tray.ts';
import { createIpcPage } from './ipc.ts';

function bridge(answers: Readonly<Record<string, unknown>> = {}) {
  const asked: unknown[][] = [];
  const listeners = new Map<string, Set<(value: unknown) => void>>();
  const made: Bridge = {
    async ask(name, value) {
      asked.push([name, value]);
      return answers[name] ?? { ok: true, value: {} };
    },
    on(name, callback) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(callback));
      return () => set.delete(callback);
    },
  };
  const emit = (name: string, value: unknown) => {
    for (const callback of listeners.get(name) ?? []) callback(value);
  };
  const count = () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0);
  return { made, asked, emit, count };
}

test('it follows what it is told, drops what is not of the contract, and lets go', async () => {
  const { made, asked, emit, count } = bridge();
  const seen: unknown[] = [];
  const state = createFakeAgent().state();
  const end = createIpcPage(made).watch({ link: ({ kind }) => seen.push(kind), state: ({ pid }) => seen.push(pid) });
  assert.deepEqual(asked, [['watch', {}]]);
  emit('link', { kind: 'live' });
  emit('state', state);
  emit('state', { ...state, extra: 1 });
  emit('link', { kind: 'lost' });
  emit('link', 'live');
  assert.deepEqual(seen, ['connecting', 'live', state.pid]);
  end();
  assert.equal(count(), 0);
});

test('an answer that is not of the contract, or a refusal, is an error', async () => {
  const { made } = bridge({
    about: { ok: true, value: { runtime: [], settable: [], path: '/home/someone' } },
    usage: { ok: false, error: 'failed' },
    copy: 'yes',
  });
  const page = createIpcPage(made);
  await assert.rejects(page.about());
  await assert.rejects(page.usage(), { message: 'failed' });
  await assert.rejects(page.copy('x'));
});

test('checks come one by one until the report, and not after', async () => {
  const check = { name: 'ports', status: 'ok', summary: 'fine', duration_ms: 1 };
  let finish: (value: unknown) => void = () => undefined;
  const { made, emit, count } = bridge();
  const page = createIpcPage({
    ...made,
    ask: () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  });
  const names: string[] = [];
  const running = page.doctor(({ name }) => names.push(name));
  emit('check', check);
  emit('check', { ...check, status: 'great' });
  finish({ ok: true, value: { ok: true, at: 1, checks: [check] } });
  assert.equal((await running).checks.length, 1);
  emit('check', check);
  assert.deepEqual(names, ['ports']);
  assert.equal(count(), 0);
});

test('views and surroundings are heard from outside; an address that is none is not', () => {
  const { made, emit } = bridge();
  const seen: unknown[] = [];
  createIpcPage(made).listen({ show: (hash) => seen.push(hash), surroundings: ({ language }) => seen.push(language) });
  emit('show', { hash: '#/activity/abc' });
  emit('show', { hash: 'https://example.com/' });
  emit('surroundings', { language: 'de', preferences: DEFAULT_PREFERENCES });
  assert.deepEqual(seen, ['#/activity/abc', 'de']);
});

test('each verb asks its own request', async () => {
  const { made, asked } = bridge({
    call: { ok: true, value: {} },
    act: { ok: true, value: { ok: true } },
    save: { ok: true, value: { kind: 'cancelled' } },
    open: { ok: true, value: { ok: false } },
  });
  const page = createIpcPage(made);
  assert.equal(await page.call('abc'), undefined);
  await page.act('start');
  await page.save('rows');
  await page.copy('text');
  await page.open('https://example.com/');
  page.retry();
  assert.deepEqual(asked, [
    ['call', { id: 'abc' }],
    ['act', { action: 'start' }],
    ['save', { what: 'rows' }],
    ['copy', { text: 'text' }],
    ['open', { url: 'https://example.com/' }],
    ['retry', {}],
  ]);
});
