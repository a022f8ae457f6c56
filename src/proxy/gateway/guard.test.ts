// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitToGateway, type GatewayRules, type PeerUser } from './guard.ts';

const RULES: GatewayRules = {
  ownHosts: ['127.0.0.1:8100', 'localhost:8100', '[::1]:8100'],
  allowedOrigins: ['https://app.test'],
  requireToken: false,
  token: 'right-token',
};

interface Asked {
  readonly target?: string;
  readonly method?: string;
  readonly authority?: string;
  readonly headers?: readonly string[];
  readonly rules?: Partial<GatewayRules>;
  readonly user?: PeerUser;
}

function ask({
  target = '/openai/v1/models',
  method = 'GET',
  authority = '127.0.0.1:8100',
  headers = [],
  rules,
  user = 'own',
}: Asked) {
  return admitToGateway({ method, target, authority, headers }, { ...RULES, ...rules }, user);
}

function outcome(asked: Asked): string | number {
  const admission = ask(asked);
  return admission.kind === 'call' ? 'call' : (admission.code ?? admission.answer.status);
}

test('the first segment is the provider, the rest the target', () => {
  for (const [target, provider, rest] of [
    ['/openai/v1/chat?x=1', 'openai', '/v1/chat?x=1'],
    ['/openai', 'openai', '/'],
    ['/openai/', 'openai', '/'],
    ['/openai?x', 'openai', '/?x'],
    ['/my-azure.2/openai/deployments/a%2Fb', 'my-azure.2', '/openai/deployments/a%2Fb'],
    ['/gemini/v1beta/models/x:generateContent', 'gemini', '/v1beta/models/x:generateContent'],
    ['//v1', '', '/v1'],
  ] as const) {
    const admission = ask({ target });
    assert.ok(admission.kind === 'call', target);
    assert.deepEqual([admission.provider, admission.target, admission.host], [provider, rest, ''], target);
  }
});

test('only the three own names are a Host', () => {
  for (const authority of ['127.0.0.1:8100', 'localhost:8100', 'LOCALHOST:8100', '[::1]:8100']) {
    assert.equal(outcome({ authority }), 'call', authority);
  }
  for (const authority of [
    'evil.test:8100',
    '127.0.0.1',
    '127.0.0.1:80',
    'localhost',
    'localhost:8100.',
    '',
    '127.1:8100',
  ]) {
    assert.equal(outcome({ authority }), 'OUT_FORBIDDEN_CLIENT', authority);
  }
});

test('web pages are refused unless their origin is allowed', () => {
  assert.equal(outcome({ headers: ['Origin', 'https://evil.test'] }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ headers: ['oRiGiN', 'null'] }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ headers: ['Origin', 'http://127.0.0.1:8100'] }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ headers: ['Sec-Fetch-Site', 'cross-site'] }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ headers: ['Sec-Fetch-Site', 'none'] }), 'call');
  const admission = ask({ headers: ['Origin', 'https://app.test', 'Sec-Fetch-Site', 'cross-site'] });
  assert.ok(admission.kind === 'call');
  assert.deepEqual(admission.replyHeaders, ['Access-Control-Allow-Origin', 'https://app.test', 'Vary', 'Origin']);
});

test('a preflight is answered for allowed origins only, and needs no token', () => {
  const preflight = ['Access-Control-Request-Method', 'POST', 'Access-Control-Request-Headers', 'authorization'];
  const rules = { requireToken: true };
  assert.equal(outcome({ method: 'OPTIONS', headers: ['Origin', 'https://app.test', ...preflight], rules }), 204);
  assert.equal(
    outcome({ method: 'OPTIONS', headers: ['Origin', 'https://evil.test', ...preflight], rules }),
    'OUT_FORBIDDEN_CLIENT',
  );
  assert.equal(outcome({ method: 'OPTIONS', headers: preflight, rules }), 'OUT_FORBIDDEN_CLIENT');
});

test('another user is refused, even with the token', () => {
  assert.equal(outcome({ user: 'other' }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ user: 'other', headers: ['x-outpost-token', 'right-token'] }), 'OUT_FORBIDDEN_CLIENT');
});

test('the token is asked for where the user is unknown or the rules say so, in a header or in the path', () => {
  for (const asked of [{ user: 'unknown' }, { rules: { requireToken: true } }] as const) {
    assert.equal(outcome(asked), 'OUT_FORBIDDEN_CLIENT');
    assert.equal(outcome({ ...asked, headers: ['X-Outpost-Token', 'right-token'] }), 'call');
    assert.equal(outcome({ ...asked, headers: ['X-Outpost-Token', 'wrong'] }), 'OUT_FORBIDDEN_CLIENT');
    assert.equal(outcome({ ...asked, target: '/t/right-token/openai/v1' }), 'call');
    assert.equal(outcome({ ...asked, target: '/t/right-tokenx/openai/v1' }), 'OUT_FORBIDDEN_CLIENT');
    assert.equal(outcome({ ...asked, target: '/t//openai/v1' }), 'OUT_FORBIDDEN_CLIENT');
  }
  assert.equal(
    outcome({ headers: ['x-outpost-token', 'wrong'] }),
    'OUT_FORBIDDEN_CLIENT',
    'a wrong token is never ignored',
  );
});

test('the token does not travel on', () => {
  const admission = ask({
    target: '/t/right-token/openai/v1/models',
    headers: ['Authorization', 'Bearer x', 'X-OutPost-Token', 'right-token', 'X', 'y'],
  });
  assert.ok(admission.kind === 'call');
  assert.deepEqual(admission.headers, ['Authorization', 'Bearer x', 'X', 'y']);
  assert.deepEqual([admission.provider, admission.target], ['openai', '/v1/models']);
  assert.doesNotMatch(JSON.stringify(admission), /right-token/);
});

test('the root says what this is, to those who may ask', () => {
  assert.equal(outcome({ target: '/' }), 200);
  assert.equal(outcome({ target: '/t/right-token/' }), 200);
  assert.equal(outcome({ target: '/', user: 'unknown' }), 'OUT_FORBIDDEN_CLIENT');
  assert.equal(outcome({ target: '/', authority: 'evil.test' }), 'OUT_FORBIDDEN_CLIENT');
});

test('absolute and asterisk forms are malformed', () => {
  assert.equal(outcome({ target: 'http://127.0.0.1:8100/openai' }), 'OUT_BAD_REQUEST');
  assert.equal(outcome({ target: '*', method: 'OPTIONS' }), 'OUT_BAD_REQUEST');
});
