// SPDX-License-Identifier: Apache-2.0
// What the page gets of the preload: two verbs for the contract's names, and nothing of Electron.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { electron } from '../../test/fakes/electron-shell.ts';
import { type Bridge, EVENTS, REQUESTS, type RequestName } from '../contract/tray.ts';

await import('./preload.ts');
const bridge = electron.exposed.get('outpost') as Bridge;

test('two verbs are exposed, under one name', () => {
  assert.deepEqual([...electron.exposed.keys()], ['outpost']);
  assert.deepEqual(Object.keys(bridge).sort(), ['ask', 'on']);
});

test('every request of the contract passes, and no other name', async () => {
  for (const name of Object.keys(REQUESTS) as RequestName[]) assert.equal(await bridge.ask(name, {}), 'answer');
  assert.equal(electron.invoked.length, Object.keys(REQUESTS).length);
  assert.deepEqual(electron.invoked[0], [`outpost:${Object.keys(REQUESTS)[0]}`, {}]);
  for (const name of ['toString', '__proto__', 'constructor', 'quit', 'link', '../call', '']) {
    await assert.rejects(async () => bridge.ask(name as RequestName, {}), name);
  }
  assert.equal(electron.invoked.length, Object.keys(REQUESTS).length);
});

test('a listener hears values, not where they came from, and can be taken back', () => {
  const heard: unknown[][] = [];
  for (const name of Object.keys(EVENTS)) {
    const end = bridge.on(name as 'link', (...what) => heard.push(what));
    electron.ipcRenderer.emit(`outpost:${name}`, { sender: 'secret' }, name);
    end();
    electron.ipcRenderer.emit(`outpost:${name}`, { sender: 'secret' }, 'late');
  }
  assert.deepEqual(
    heard,
    Object.keys(EVENTS).map((name) => [name]),
  );
  for (const name of ['hasOwnProperty', 'about', 'x']) {
    assert.throws(() => bridge.on(name as 'link', () => undefined), name);
  }
});
