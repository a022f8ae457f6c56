// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUrl } from './open-url.ts';

test('only web addresses are handed to a program', async () => {
  for (const text of ['file:///etc/passwd', 'javascript:alert(1)', 'ms-settings:x', 'data:text/html,x']) {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      assert.equal(await openUrl(platform)(new URL(text)), false, text);
    }
  }
});

test('a machine without the program says so', { skip: process.platform === 'win32' && 'this one has it' }, async () => {
  assert.equal(await openUrl('win32')(new URL('https://login.example/')), false);
});
