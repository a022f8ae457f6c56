// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { type PacOptions, pacFile } from './pac.ts';

const GOVERNED = [
  'api.openai.com',
  'chatgpt.com',
  '*.openai.azure.com',
  'bedrock-runtime.*.amazonaws.com',
  '*-aiplatform.googleapis.com',
];

/** The functions that browsers offer to PAC scripts, as Mozilla documents them. */
const HELPERS = {
  dnsDomainIs: (host: string, domain: string) => host.length >= domain.length && host.endsWith(domain),
  shExpMatch: (text: string, glob: string) =>
    new RegExp(
      `^${glob
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*/g, '.*')
        .replace(/\?/g, '.')}$`,
    ).test(text),
  dnsResolve: () => assert.fail('a PAC file must not resolve names'),
  isInNet: () => assert.fail('a PAC file must not resolve names'),
  isResolvable: () => assert.fail('a PAC file must not resolve names'),
  myIpAddress: () => assert.fail('a PAC file must not ask for addresses'),
};

function proxyFor(host: string, options: Partial<PacOptions> = {}): string {
  const script = pacFile({ governed: GOVERNED, proxyHostPort: '127.0.0.1:8101', failMode: 'open', ...options });
  const context = createContext({ ...HELPERS, host });
  return runInContext(`${script}\nFindProxyForURL('https://' + host + '/', host)`, context) as string;
}

test('governed hosts go to the proxy, with a way out or without', () => {
  for (const host of [
    'api.openai.com',
    'API.OpenAI.com',
    'api.openai.com.',
    'chatgpt.com',
    'me.openai.azure.com',
    'a.b.openai.azure.com',
    'bedrock-runtime.eu-central-1.amazonaws.com',
    'europe-west1-aiplatform.googleapis.com',
  ]) {
    assert.equal(proxyFor(host), 'PROXY 127.0.0.1:8101; DIRECT', host);
    assert.equal(proxyFor(host, { failMode: 'closed' }), 'PROXY 127.0.0.1:8101', host);
  }
});

test('everything else goes directly', () => {
  for (const host of [
    'evil-api.openai.com.attacker.test',
    'api.openai.com.attacker.test',
    'evilapi.openai.com',
    'xapi-openai.com',
    'apixopenai.com',
    'sub.chatgpt.com',
    'openai.azure.com',
    'evilopenai.azure.com',
    'bedrock-runtime.eu.amazonaws.com.attacker.test',
    'bedrock-runtimexeu.amazonaws.com',
    'example.com',
    'localhost',
    'app.localhost',
    'intranet',
    'printer.local',
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '172.20.3.4',
    '169.254.169.254',
    '::1',
    '[::1]',
    'fe80::1',
    'constructor',
    'tostring',
    '__proto__',
    'hasownproperty.valueof',
    '',
  ]) {
    assert.equal(proxyFor(host), 'DIRECT', host);
  }
});

test('not even a careless pattern catches local names and addresses', () => {
  for (const host of ['printer.local', 'a.localhost', '10.0.0.1', 'intranet', 'fe80::1']) {
    assert.equal(proxyFor(host, { governed: ['*.*'] }), 'DIRECT', host);
  }
});

test('nothing can be injected', () => {
  const make = (options: Partial<PacOptions>) => () =>
    pacFile({ governed: GOVERNED, proxyHostPort: '127.0.0.1:8101', failMode: 'open', ...options });
  for (const pattern of [
    "a.b'+alert(1)+'",
    'a.b"',
    'a.b\n',
    'a.b\\',
    '',
    '*',
    'plain',
    'a..b',
    '.a.b',
    'A.B',
    'a.b:443',
    'a?.b',
  ]) {
    assert.throws(make({ governed: [pattern] }), RangeError, pattern);
  }
  for (const proxyHostPort of [
    '127.0.0.1',
    'proxy.test:80',
    "127.0.0.1:1'",
    '127.0.0.1:1; PROXY evil.test:80',
    '0.0.0.0:1',
  ]) {
    assert.throws(make({ proxyHostPort }), RangeError, proxyHostPort);
  }
});

test('no governed host: everything direct', () => {
  assert.equal(proxyFor('api.openai.com', { governed: [] }), 'DIRECT');
});

test('the script is of the age of its oldest engine', () => {
  const script = pacFile({ governed: GOVERNED, proxyHostPort: '127.0.0.1:8101', failMode: 'open' });
  assert.doesNotMatch(script, /=>|\b(?:const|let|class)\b|`/);
});
