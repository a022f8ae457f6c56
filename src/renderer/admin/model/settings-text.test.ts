// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminFailure } from '../client/admin-client.ts';
import { parseSettings, placed, stagesIn } from './settings-text.ts';

const faultsOf = (text: string): unknown => {
  try {
    return parseSettings(text);
  } catch (error) {
    assert.ok(error instanceof AdminFailure);
    return error.faults.map(({ line, column }) => `${line}:${column}`);
  }
};

test('a text that is no object of JSON is refused at its line and column', () => {
  assert.deepEqual(faultsOf('{\n  "spread_s": 30\n  "silent_days": 3\n}'), ['3:3']);
  assert.deepEqual(faultsOf('[]'), ['1:1']);
  assert.deepEqual(faultsOf('null'), ['1:1']);
  assert.deepEqual(faultsOf('{ "exports": [] }'), { exports: [] });
});

test('what the server finds wrong gets the place of its path', () => {
  const fault = { message: 'too big', line: 0, column: 0, at: 'exports.0.url' };
  assert.deepEqual(placed('{ "exports": [\n  { "url": 1 }] }', [fault]), [{ ...fault, line: 2, column: 5 }]);
  const known = { ...fault, line: 7, column: 1 };
  assert.deepEqual(placed('{}', [known]), [known]);
  assert.deepEqual(placed('{', [fault]), [fault]);
});

test('stages are read only where they are a list of numbers', () => {
  assert.deepEqual(stagesIn({ rollout: { stages: [10, 100] } }), [10, 100]);
  for (const rollout of [undefined, null, 1, {}, { stages: 'all' }, { stages: ['10'] }]) {
    assert.equal(stagesIn({ rollout }), undefined);
  }
});
