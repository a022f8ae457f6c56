// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthority } from './authority.ts';
import { refuseAddress, refuseTarget, type TargetRules } from './target-guard.ts';

const RULES: TargetRules = {
  connectPorts: [
    [443, 443],
    [8000, 8999],
  ],
  allowPrivate: [],
  ownPorts: [8101],
};

function ask(text: string, rules: Partial<TargetRules> = {}) {
  const target = parseAuthority(text);
  assert.ok(target, text);
  return refuseTarget(target, { ...RULES, ...rules });
}

test('loopback, link-local, metadata and their disguises are refused as written', () => {
  for (const host of [
    '127.0.0.1',
    '127.255.0.3',
    '0.0.0.0',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:a9fe:a9fe]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::169.254.169.254]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[febf::1]',
    '[fd00:ec2::254]',
    '[ff02::1]',
  ]) {
    assert.equal(ask(`${host}:443`), 'address', host);
  }
  assert.equal(ask('localhost:443'), 'local-name');
  assert.equal(ask('app.localhost:443'), 'local-name');
});

test('the internet and a company network are allowed', () => {
  for (const host of [
    '192.0.2.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '[2001:db8::1]',
    '[fd12::1]',
    'example.test',
  ]) {
    assert.equal(ask(`${host}:443`), undefined, host);
  }
});

test('ports outside the ranges are refused', () => {
  assert.equal(ask('example.test:8500'), undefined);
  assert.equal(ask('example.test:22'), 'port');
});

test('exceptions by host, port and network', () => {
  assert.equal(ask('127.0.0.1:8000', { allowPrivate: ['127.0.0.1:8000'] }), undefined);
  assert.equal(ask('127.0.0.1:8001', { allowPrivate: ['127.0.0.1:8000'] }), 'address');
  assert.equal(ask('[::1]:8000', { allowPrivate: ['[::1]:*'] }), undefined);
  assert.equal(ask('localhost:8000', { allowPrivate: ['localhost:*'] }), undefined);
  assert.equal(ask('169.254.1.1:443', { allowPrivate: ['169.254.1.0/24'] }), undefined);
  assert.equal(ask('169.254.2.1:443', { allowPrivate: ['169.254.1.0/24'] }), 'address');
  assert.equal(ask('[::ffff:127.0.0.1]:8000', { allowPrivate: ['127.0.0.0/8'] }), undefined);
  assert.equal(ask('169.254.1.1:443', { allowPrivate: ['nonsense', '/', ':', 'a/99', '1.2.3.4/99'] }), 'address');
});

test('the agent itself is never excepted', () => {
  const allowPrivate = ['127.0.0.0/8', '::/0', '0.0.0.0/8', 'localhost:*', 'me.test:*'];
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]']) {
    assert.equal(ask(`${host}:8101`, { allowPrivate }), 'self', host);
  }
  const target = { host: 'me.test', port: 8101 };
  assert.equal(refuseAddress('127.0.0.1', target, { allowPrivate, ownPorts: [8101] }), 'self');
});

test('an address that a name resolves to is judged like a written one', () => {
  const rules = { allowPrivate: ['intern.test:443'], ownPorts: [] };
  assert.equal(refuseAddress('169.254.169.254', { host: 'evil.test', port: 443 }, rules), 'address');
  assert.equal(refuseAddress('127.0.0.1', { host: 'intern.test', port: 443 }, rules), undefined);
  assert.equal(refuseAddress('192.0.2.1', { host: 'evil.test', port: 443 }, rules), undefined);
  assert.equal(refuseAddress('not an address', { host: 'evil.test', port: 443 }, rules), 'address');
});
