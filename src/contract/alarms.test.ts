// SPDX-License-Identifier: Apache-2.0
// The alarm catalogue is complete and consistent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALARMS } from './alarms.ts';

test('kinds are kebab-case and every entry says what happened and what to do', () => {
  const titles = new Set<string>();
  for (const [kind, { title, text, fix }] of Object.entries(ALARMS)) {
    assert.match(kind, /^[a-z]+(-[a-z]+)*$/);
    assert.ok(title.length > 0 && title.length <= 60, kind);
    assert.doesNotMatch(title, /\.$/, kind);
    assert.match(text, /^[A-Z].*\.$/, kind);
    assert.match(fix, /^[A-Z].*\.$/, kind);
    titles.add(title);
  }
  assert.equal(titles.size, Object.keys(ALARMS).length);
});
