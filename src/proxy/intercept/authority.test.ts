// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalName, parseAuthority, parseHostHeader } from './authority.ts';

test('one spelling for each host', () => {
  for (const [text, host, port, kind] of [
    ['api.openai.com:443', 'api.openai.com', 443, 'name'],
    ['API.OpenAI.com.:443', 'api.openai.com', 443, 'name'],
    ['xn--bcher-kva.example:8443', 'xn--bcher-kva.example', 8443, 'name'],
    ['my_host.example:1', 'my_host.example', 1, 'name'],
    ['host:65535', 'host', 65_535, 'name'],
    ['192.0.2.7:443', '192.0.2.7', 443, 'ipv4'],
    ['[::1]:443', '::1', 443, 'ipv6'],
    ['[2001:DB8:0:0::1]:443', '2001:db8::1', 443, 'ipv6'],
    ['[::ffff:192.0.2.7]:443', '::ffff:192.0.2.7', 443, 'ipv6'],
  ] as const) {
    assert.deepEqual(parseAuthority(text), { host, port, kind }, text);
  }
});

test('what is no authority is refused', () => {
  for (const text of [
    '',
    'host',
    'host:',
    ':443',
    'host:0',
    'host:65536',
    'host:+1',
    'host:0x50',
    'host:443:443',
    'user@host:443',
    'user:pw@host:443',
    '../../pwn:443',
    'host/path:443',
    'ho%73t:443',
    'ho st:443',
    'host\u0000:443',
    'host\r\nX:443',
    'bücher.example:443',
    'a..b:443',
    '.a:443',
    '-a.example:443',
    'a-.example:443',
    `${'a'.repeat(64)}.example:443`,
    `${'a.'.repeat(126)}ab:443`,
    '::1:443',
    '[::1]',
    '[fe80::1%eth0]:443',
    '[host]:443',
    '[::1:443',
    '127.1:443',
    '0x7f000001:443',
    '0x7f.0.0.0x1:443',
    '2130706433:443',
    '017700000001:443',
    '1.2.3.256:443',
    '1.2.3.4.5:443',
    'x'.repeat(5_000),
  ]) {
    assert.equal(parseAuthority(text), undefined, JSON.stringify(text));
  }
});

test('a Host header may leave the port out', () => {
  assert.deepEqual(parseHostHeader('Example.test', 443), { host: 'example.test', port: 443, kind: 'name' });
  assert.deepEqual(parseHostHeader('[::1]', 80), { host: '::1', port: 80, kind: 'ipv6' });
  assert.equal(parseHostHeader('a, b', 80), undefined);
});

test('an SNI is a name, never an address', () => {
  assert.equal(canonicalName('API.example.'), 'api.example');
  assert.equal(canonicalName('192.0.2.1'), undefined);
  assert.equal(canonicalName('::1'), undefined);
});
