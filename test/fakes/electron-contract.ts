// SPDX-License-Identifier: Apache-2.0
// What the window must not be able to do, as assertions over a probe: one probe drives the fake Electron, one a real one. What both pass
// shows that the fake is true.

import assert from 'node:assert/strict';

export interface WindowProbe {
  /** As the open window has them. */
  webPreferences(): Promise<Readonly<Record<string, unknown>>>;
  /** Where the session of the window keeps its things; null: in memory. */
  storagePath(): Promise<string | null>;
  /** The page asks to go there. Where is the window then? */
  navigate(url: string): Promise<string>;
  /** The page asks for another window. How many are there then? */
  openWindow(url: string): Promise<number>;
  /** Is the permission given, asked for and looked up? */
  permission(name: string): Promise<{ readonly asked: boolean; readonly looked: boolean }>;
  /** What the window's session answers to a request, past the page's own policy; undefined: nothing was asked of anybody. */
  request(url: string): Promise<{ readonly status: number; readonly headers: Headers } | undefined>;
  /** The page asks through its bridge. */
  ask(name: string, value: unknown): Promise<unknown>;
}

export async function assertShut(probe: WindowProbe): Promise<void> {
  const preferences = await probe.webPreferences();
  const wanted = {
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    allowRunningInsecureContent: false,
    experimentalFeatures: false,
    webviewTag: false,
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(preferences[name], value, name);
  assert.equal(await probe.storagePath(), null, 'the session is in memory');

  for (const url of [
    'https://example.com/',
    'http://127.0.0.1:9/',
    'file:///etc/passwd',
    'outpost-app://window/other',
  ]) {
    assert.match(await probe.navigate(url), /^outpost-app:\/\/window\/(?:#.*)?$/, `went to ${url}`);
  }
  for (const url of ['https://example.com/', 'about:blank', 'outpost-app://window/']) {
    assert.equal(await probe.openWindow(url), 1, `opened ${url}`);
  }
  for (const name of ['geolocation', 'notifications', 'media', 'clipboard-read', 'midi']) {
    assert.deepEqual(await probe.permission(name), { asked: false, looked: false }, name);
  }
}

export async function assertServesItselfOnly(probe: WindowProbe): Promise<void> {
  const page = await probe.request('outpost-app://window/');
  assert.equal(page?.status, 200);
  const policy = page?.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;/);
  assert.doesNotMatch(policy, /unsafe|connect-src|\*|https?:/);
  assert.match(policy, /form-action 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(page?.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page?.headers.get('content-type'), 'text/html; charset=utf-8');
  for (const path of [
    'index.html',
    'assets/index.html',
    'assets/../index.html',
    'assets/%2e%2e/main/main.cjs',
    'assets/x',
  ]) {
    const answer = await probe.request(`outpost-app://window/${path}`);
    // A browser resolves `..` itself; what is left is the page, with its headers, or nothing.
    if (answer?.status === 200) assert.equal(path, 'assets/../index.html');
    else assert.equal(answer?.status, 404, path);
  }
  assert.notEqual((await probe.request('outpost-app://other/'))?.status, 200);
}

/** `url`: of a server that counts who comes. */
export async function assertNoNetwork(probe: WindowProbe, url: string, came: () => number): Promise<void> {
  assert.equal(await probe.request(url), undefined);
  assert.equal(came(), 0);
}

/** Each is refused with a code, and nothing of the inside comes with it. */
export async function assertAsksAreJudged(probe: WindowProbe): Promise<void> {
  const bad: readonly (readonly [string, unknown])[] = [
    ['call', {}],
    ['call', { id: 7 }],
    ['call', { id: 'x'.repeat(300) }],
    ['call', { id: 'x', more: 1 }],
    ['act', { action: 'quit' }],
    ['save', { what: '/etc/passwd' }],
    ['copy', { text: 'x'.repeat(1_000_000) }],
    ['prefer', { language: 'fr', theme: 'system', notifications: true, open_at_login: true }],
    ['watch', undefined],
    ['calls', null],
  ];
  for (const [name, value] of bad) {
    assert.deepEqual(
      await probe.ask(name, value),
      { ok: false, error: 'bad-ask' },
      `${name} ${JSON.stringify(value)?.slice(0, 80)}`,
    );
  }
}
