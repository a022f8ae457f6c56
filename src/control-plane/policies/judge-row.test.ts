// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexCatalogue } from '../../proxy/policy/catalogue.ts';
import { compilePolicy } from '../../proxy/policy/compile.ts';
import { parseConfig } from '../../proxy/policy/parse.ts';
import { builtInCatalogue } from '../../proxy/policy/parse-catalogue.ts';
import type { Policy } from '../../proxy/policy/policy.ts';
import { judgeRow, type RowFacts } from './judge-row.ts';

function policyOf(text: string): Policy {
  const parsed = parseConfig(text);
  assert.ok(parsed.ok);
  const named = { upstreamRoots: [], serviceAccounts: {} };
  const catalogue = indexCatalogue(builtInCatalogue());
  const compiled = compilePolicy({ config: parsed.config, text, catalogue, env: {}, named, generation: 1 });
  assert.ok(compiled.ok);
  return compiled.policy;
}

const CALL: RowFacts = {
  entrance: 'intercept',
  host: 'api.openai.com',
  provider: 'openai',
  model: 'gpt-5',
  understood: true,
  path: '/v1/responses',
  app: 'code',
  process: { name: 'code', exe: '/usr/bin/code' },
};
const judge = (text: string, more: Partial<RowFacts> = {}) => judgeRow(policyOf(text), { ...CALL, ...more });

test('rules about hosts, apps and models say what they would say to the call', () => {
  assert.deepEqual(judge('{}'), { action: 'allow', rule: undefined });
  assert.deepEqual(judge('hosts: [{host: api.openai.com, action: block}]'), { action: 'block', rule: 'hosts[0]' });
  assert.deepEqual(judge('apps: [{app: code, action: block}]'), { action: 'block', rule: 'apps[0]' });
  assert.deepEqual(judge('apps: [{exe: /usr/bin/*, action: block}]'), { action: 'block', rule: 'apps[0]' });
  assert.deepEqual(judge('models: {deny: [gpt-*]}'), { action: 'block', rule: 'models.deny[0]' });
  assert.deepEqual(judge('models: {allow: [claude-*]}'), { action: 'block', rule: 'models.allow' });
});

test('a call through the gateway is judged by its provider', () => {
  const gateway = { entrance: 'gateway', host: 'api.openai.com' };
  assert.deepEqual(judge('hosts: [{host: api.openai.com, action: block}]', gateway), {
    action: 'block',
    rule: 'hosts[0]',
  });
  assert.equal(judge('{}', { ...gateway, provider: 'a-name-that-only-the-old-policy-has' }), 'unknown');
});

test('a host that would no longer be read is not blocked by model rules, but still by app rules', () => {
  const tunnel = 'hosts: [{host: api.openai.com, action: tunnel}]\n';
  assert.deepEqual(judge(`${tunnel}models: {deny: ["*"]}`, { model: undefined, understood: false }), {
    action: 'allow',
    rule: undefined,
  });
  assert.deepEqual(judge(`${tunnel}apps: [{app: code, action: block}]`), { action: 'block', rule: 'apps[0]' });
});

test('what hangs on a model that could not be read is unknown', () => {
  const unread = { model: undefined, understood: false };
  assert.equal(judge('models: {deny: [gpt-*]}', unread), 'unknown');
  assert.deepEqual(judge('{}', unread), { action: 'allow', rule: undefined });
  // Understood, and named none: a list, a lookup.
  assert.deepEqual(judge('models: {deny: [gpt-*]}', { ...unread, understood: true }), {
    action: 'allow',
    rule: undefined,
  });
});

test('what hangs on a process that no row names is unknown, unless it is blocked for anybody', () => {
  const nobody = { app: undefined, process: undefined };
  assert.equal(judge('apps: [{app: code, action: block}]', nobody), 'unknown');
  assert.deepEqual(judge('apps: [{app: code, action: block}]\nmodels: {deny: [gpt-*]}', nobody), {
    action: 'block',
    rule: 'models.deny[0]',
  });
  assert.deepEqual(judge('models: {deny: [gpt-*]}', nobody), { action: 'block', rule: 'models.deny[0]' });
});
