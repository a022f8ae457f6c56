// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminBody } from '../../contract/admin-row.ts';
import { canonicalJson } from '../../protocol/chain.ts';
import { done } from '../actor.ts';
import { settingsChanges, settingsHash } from './settings-changes.ts';

/** Checked as a row of the log. */
function changes(before: object, after: object): Readonly<Record<string, unknown>> {
  const detail = settingsChanges(JSON.stringify(before), JSON.stringify(after));
  const body = done({ name: 'user:ada' }, 'org.settings', 'org:acme', detail);
  assert.deepEqual(adminBody.parse(JSON.parse(canonicalJson(body))), body);
  const { sha256, ...rest } = detail;
  assert.equal(sha256, settingsHash(JSON.stringify(after)));
  return rest;
}

test('members that came, went and changed are told by their paths; all others are not', () => {
  const before = { next_poll_s: 60, spread_s: 5, halt: { nack: 0.1 }, exports: [{ name: 'a', port: 1 }] };
  const after = { next_poll_s: 90, halt: { nack: 0.1, silent: 0.2 }, exports: [{ name: 'b', port: 2 }] };
  assert.deepEqual(changes(before, after), {
    'next_poll_s.before': '60',
    'next_poll_s.after': '90',
    'spread_s.before': '5',
    'halt.silent.after': '0.2',
    'exports.a.name.before': 'a',
    'exports.b.name.after': 'b',
    'exports.a.port.before': '1',
    'exports.b.port.after': '2',
  });
  assert.deepEqual(changes(before, before), {});
});

test('what is sealed is set; a group that is called like it is shown', () => {
  const after = {
    sign_in: { client_secret_sealed: 'AAAA', roles: { client_secret_sealed: ['admin'], 'x_sealed.y': ['admin'] } },
    exports: [{ name: 'a', secret_headers_sealed: { authorization: 'BBBB' } }],
    digest_bucket: { secret_access_key_sealed: 'CCCC' },
  };
  assert.deepEqual(changes({}, after), {
    'sign_in.client_secret_sealed.after': 'set',
    'sign_in.roles.client_secret_sealed.after': '["admin"]',
    'sign_in.roles.x_sealed.y.after': '["admin"]',
    'exports.a.name.after': 'a',
    'exports.a.secret_headers_sealed.authorization.after': 'set',
    'digest_bucket.secret_access_key_sealed.after': 'set',
  });
});

test('a row stays small, says what has no room, and shows every address in full', () => {
  const roles = Object.fromEntries(
    Array.from({ length: 90 }, (_, index) => [`${'g'.repeat(250)}${index}`, ['viewer']]),
  );
  const issuer = `https://${'idp.'.repeat(200)}example`;
  const exports = Array.from({ length: 8 }, (_, index) => ({ name: `e${index}`, ca: 'x'.repeat(60_000), url: issuer }));
  const told = changes({}, { sign_in: { roles, issuer }, exports });
  assert.equal(told['not_shown'], 90 + 8 + 8 - 32);
  for (const path of ['sign_in.issuer', ...exports.map(({ name }) => `exports.${name}.url`)])
    assert.equal([1, 2, 3, 4].map((part) => told[`${path}.after.${part}`]).join(''), issuer);
  assert.ok(JSON.stringify(told).length < 40_000);
  const { 'exports.e0.ca.after': ca } = changes({}, { exports });
  assert.equal(ca, `${'x'.repeat(182)} … SHA-256 ${settingsHash('x'.repeat(60_000))}`.slice(-256));
});

test('halves of characters are no fault', () => {
  changes({ a: '\ud800' }, { ['\udc00'.repeat(3)]: '\ud83d\ude00'.repeat(200), a: '\udc00' });
});
