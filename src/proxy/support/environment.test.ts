// SPDX-License-Identifier: Apache-2.0
// Of the environment only where variables lead is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCleaner } from './clean.ts';
import { environmentPart, hostAndPort, secretValues } from './environment.ts';

const clean = createCleaner({ home: '', user: '' }, ['KNOWN-Secret-Word']);

test('an address is reduced to host and port', async (t) => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['http://user:pass@proxy.example:3128/path?x=secret#y', 'proxy.example:3128'],
    ['user:pass@proxy.example:3128', 'proxy.example:3128'],
    ['proxy.example:80', 'proxy.example:80'],
    ['proxy.example', undefined],
    ['CANARYPROXYWORD', undefined],
    [`https://${'0123ABCD'.repeat(4)}/v1`, undefined],
    ['http://KNOWN-Secret-Word:8080', undefined],
    ['https://proxy.example', 'proxy.example:443'],
    ['socks5://user:pass@proxy.example', 'proxy.example:1080'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['ftp://proxy.example', 'proxy.example'],
    ['not an address', undefined],
    ['http://', undefined],
  ];
  for (const [value, expected] of table) await t.test(value, () => assert.equal(hostAndPort(value, clean), expected));
});

test('only known variables are told, and none by a value that could be anything', () => {
  const told = environmentPart(
    {
      HTTPS_PROXY: 'http://u:p@127.0.0.1:28410',
      http_proxy: 'some words',
      NO_PROXY: 'localhost, internal.example ,::1',
      SSL_CERT_FILE: '/home/someone/ca.pem',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_USE_ENV_PROXY: 'yes',
      PIP_CERT: '',
      OPENAI_API_KEY: 'secret',
      PATH: '/bin',
    },
    clean,
  );
  assert.deepEqual(told, {
    HTTPS_PROXY: '127.0.0.1:28410',
    http_proxy: 'set',
    NO_PROXY: '3 entries, of which ours: localhost ::1',
    SSL_CERT_FILE: 'set',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_USE_ENV_PROXY: 'set',
  });
});

test('values of variables that are named like secrets are known as such', () => {
  const env = { OPENAI_API_KEY: 'a', GH_TOKEN: 'b', PGPASSWORD: 'c', PATH: 'd', NOTHING: undefined };
  assert.deepEqual(secretValues(env), ['a', 'b', 'c']);
});
