// SPDX-License-Identifier: Apache-2.0
// Which addresses may be loaded, and which may be opened outside.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENT_SECURITY_POLICY, mayLoad, outsideUrl } from './security.ts';

test('the session loads from its own scheme and host only', () => {
  assert.ok(mayLoad('outpost-app://window/'));
  assert.ok(mayLoad('outpost-app://window/assets/a.js'));
  for (const url of [
    'https://example.com/',
    'http://127.0.0.1:8142/v1/state',
    'ws://127.0.0.1/',
    'file:///etc/passwd',
    'outpost-app://windows/',
    'outpost-app://window.example.com/',
    'blob:https://example.com/1',
    '',
  ]) {
    assert.equal(mayLoad(url), false, url);
  }
});

test('the policy of the page has no way to a network and no code that is not a file', () => {
  assert.doesNotMatch(CONTENT_SECURITY_POLICY, /connect-src|unsafe|https?:|\*|blob:/);
  assert.match(CONTENT_SECURITY_POLICY, /^default-src 'none';/);
});

test('outside opens what the organisation names as its help, over https, and nothing else', () => {
  const help = 'https://help.example.com/ai';
  assert.equal(outsideUrl('https://help.example.com/other?x=1', help), 'https://help.example.com/other?x=1');
  assert.equal(outsideUrl(help, undefined), undefined);
  for (const url of [
    'http://help.example.com/ai',
    'https://help.example.com.evil.example/',
    'https://help.example.com@evil.example/',
    'https://user@help.example.com/',
    'https://user:word@help.example.com/',
    'https://help.example.com:8443/',
    'https://evil.example/?https://help.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'outpost://explain/x',
    'ms-settings:',
    'not an address',
    `https://help.example.com/${'x'.repeat(600)}`,
  ]) {
    assert.equal(outsideUrl(url, help), undefined, url);
  }
  assert.equal(outsideUrl('http://help.example.com/', 'http://help.example.com/'), undefined, 'help that is not https');
  assert.equal(outsideUrl('https://example.com/', 'not an address'), undefined);
});
