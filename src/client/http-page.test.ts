// SPDX-License-Identifier: Apache-2.0
// What the page's client makes of a browser: preferences that are hostile until parsed, https only, downloads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../contract/tray.ts';
import { createHttpPage } from './http-page.ts';

const GERMAN: Preferences = { ...DEFAULT_PREFERENCES, language: 'de', theme: 'dark' };

function pageWith(kept: string | null | Error, languages: readonly string[] = ['fr-FR', 'de-AT', 'en'], status = 200) {
  const done: string[] = [];
  let text = kept;
  const client = createHttpPage({
    fetch: () =>
      status === 0 ? Promise.reject(new Error('no daemon')) : Promise.resolve(new Response(null, { status })),
    clock: new FakeClock(),
    base: '',
    languages,
    storage() {
      if (kept instanceof Error) throw kept;
      return {
        getItem: () => (text instanceof Error ? null : text),
        setItem: (_, value) => {
          text = value;
        },
      };
    },
    copy: async (copied) => void done.push(`copy ${copied}`),
    openTab: (url) => void done.push(`open ${url}`),
    download: (path) => void done.push(`download ${path}`),
  });
  return { client, done };
}

test('without a choice the first of the browser’s languages that there are words in holds', async () => {
  const { client } = pageWith(null);
  assert.deepEqual(await client.surroundings(), { language: 'de', preferences: DEFAULT_PREFERENCES });
  assert.equal((await pageWith(null, []).client.surroundings()).language, 'en');
});

test('a choice is kept and found again', async () => {
  const { client } = pageWith(null, ['en']);
  assert.deepEqual(await client.prefer(GERMAN), { language: 'de', preferences: GERMAN });
  assert.deepEqual(await client.surroundings(), { language: 'de', preferences: GERMAN });
});

test('what is kept in another form counts as nothing', async () => {
  const bad = ['', '{', '[]', '7', '{"language":"de"}', JSON.stringify({ ...GERMAN, more: 1 })];
  for (const kept of [...bad, JSON.stringify({ ...GERMAN, theme: 'red' })])
    assert.deepEqual((await pageWith(kept, ['en']).client.surroundings()).preferences, DEFAULT_PREFERENCES, kept);
});

test('a browser that keeps nothing loses the choice and nothing else', async () => {
  const { client } = pageWith(new Error('denied'), ['en']);
  assert.equal((await client.prefer(GERMAN)).language, 'de');
  assert.equal((await client.surroundings()).language, 'en');
});

test('only https addresses are opened', async () => {
  const { client, done } = pageWith(null);
  for (const url of ['http://a.example/', 'javascript:alert(1)', 'file:///etc/passwd', '//a.example', ''])
    assert.deepEqual(await client.open(url), { ok: false }, url);
  assert.deepEqual(await client.open('https://a.example/'), { ok: true });
  assert.deepEqual(done, ['open https://a.example/']);
});

test('files come as downloads, and nothing can be done to the daemon', async () => {
  const { client, done } = pageWith(null);
  assert.deepEqual(await client.save('rows'), { kind: 'saved' });
  assert.deepEqual(await client.save('support-bundle'), { kind: 'saved' });
  assert.deepEqual(done, ['download /v1/recorded/export', 'download /v1/support-bundle']);
  assert.deepEqual(client.actions, []);
  assert.deepEqual(await client.act('start'), { ok: false });
});

test('who is signed out, or asks in vain, is told so instead of being given a download', async () => {
  for (const [status, reason] of [
    [401, /outpost ui/],
    [0, /Outpost antwortet nicht/],
    [503, /Outpost antwortet nicht/],
  ] as const) {
    const { client, done } = pageWith(JSON.stringify(GERMAN), ['en'], status);
    const saved = await client.save('rows');
    assert.match(saved.kind === 'failed' ? saved.reason : '', reason);
    assert.deepEqual(done, []);
  }
});
