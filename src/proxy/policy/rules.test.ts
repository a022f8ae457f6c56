// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRules } from './rules.ts';

const judge = (models: { deny?: string[]; allow?: string[] }, model: string, otherModel: string | undefined) => {
  const subject = { host: 'h', provider: undefined, model, otherModel, modelKnown: true, owner: undefined };
  const verdict = compileRules({ models })(subject);
  return verdict.action === 'block' ? `${verdict.rule} ${verdict.model}` : verdict.rule;
};

test('of two models that a request names, neither may be denied', () => {
  const rules = { deny: ['other', 'forbidden-*'] };
  assert.equal(judge(rules, 'ok', 'forbidden-x'), 'models.deny[1] forbidden-x');
  assert.equal(judge(rules, 'forbidden-x', 'ok'), 'models.deny[1] forbidden-x');
  assert.equal(judge(rules, 'ok', 'fine'), undefined);
});

test('of two models that a request names, both must be on the allow list', () => {
  const rules = { allow: ['ok*', 'fine'] };
  assert.equal(judge(rules, 'ok', 'x'), 'models.allow x');
  assert.equal(judge(rules, 'x', 'ok'), 'models.allow x');
  assert.equal(judge(rules, 'fine', 'ok'), 'models.allow[1]');
  assert.equal(judge(rules, 'fine', undefined), 'models.allow[1]');
});
