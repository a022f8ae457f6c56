// SPDX-License-Identifier: Apache-2.0
// One form of link is understood; whatever else comes from outside is dropped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededBelow } from '../../test/fakes/random.ts';
import { EVENTS } from '../contract/tray.ts';
import { hashOfArguments, hashOfLink } from './deep-link.ts';

test('a link to a call opens it', () => {
  assert.equal(hashOfLink('outpost://explain/req_1-A'), '#/activity/req_1-A');
  assert.equal(hashOfLink('outpost://explain/req_1-A/'), '#/activity/req_1-A');
  assert.equal(hashOfArguments(['/opt/Outpost/outpost-tray', '--flag', 'outpost://explain/x']), '#/activity/x');
});

for (const address of [
  '',
  'outpost://explain/',
  'outpost://explain/../about',
  'outpost://explain/a/b',
  'outpost://explain/a?b',
  'outpost://explain/a#b',
  'outpost://explain/a%2Fb',
  'outpost://explain/a\nb',
  'outpost://explain/<script>',
  'outpost://user@explain/a',
  'outpost://start/a',
  'OUTPOST://explain/a',
  ' outpost://explain/a',
  'https://example.com/outpost://explain/a',
  'outpost-app://window/',
  `outpost://explain/${'a'.repeat(129)}`,
  `outpost://explain/a${'/'.repeat(100_000)}`,
]) {
  test(`nothing is made of ${JSON.stringify(address.slice(0, 40))}`, () =>
    assert.equal(hashOfLink(address), undefined));
}

test('of a command line with two links, or with one that is not ours, nothing is made', () => {
  assert.equal(hashOfArguments(['outpost://explain/a', 'outpost://explain/b']), undefined);
  assert.equal(hashOfArguments(['outpost://explain/a', 'outpost://other']), undefined);
  assert.equal(hashOfArguments([]), undefined);
});

test('whatever is made of noise is a view that the window’s channel takes', () => {
  const below = seededBelow(11);
  const alphabet = [
    'outpost://',
    'explain',
    '/',
    '..',
    'a',
    'Z9',
    '_',
    '-',
    '#',
    '?',
    '%2e',
    '\0',
    '\u202e',
    ' ',
    '\\',
    'é',
  ];
  let understood = 0;
  for (let turn = 0; turn < 50_000; turn++) {
    const noise = Array.from({ length: below(6) }, () => alphabet[below(alphabet.length)]).join('');
    const hash = hashOfLink(below(2) === 0 ? `outpost://explain/${noise}` : noise);
    if (hash === undefined) continue;
    understood++;
    assert.match(hash, /^#\/activity\/[A-Za-z0-9_-]+$/);
    assert.ok(EVENTS.show.safeParse({ hash }).success);
  }
  assert.ok(understood > 100, 'the noise holds links');
});
