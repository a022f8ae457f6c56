// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../contract/config.ts';
import { formatError } from './format-error.ts';
import { parseConfig } from './parse.ts';

/** First error as `line:column message`; fails when the text is good. */
function firstError(text: string): string {
  const parsed = parseConfig(text);
  assert.ok(!parsed.ok, 'expected an error');
  const [error] = parsed.errors;
  return error === undefined ? '' : `${error.line}:${error.column} ${error.message}`;
}

test('an unknown key is an error at the key, with the key that was probably meant', () => {
  assert.equal(
    firstError('models: {}\nprovders:\n  - name: x\n'),
    '2:1 unknown key "provders"; did you mean "providers"?',
  );
  assert.match(
    firstError('providers:\n  - name: a\n    type: openai\n    baseurl: https://x.example\n'),
    /^4:5 .*did you mean "base_url"\?/,
  );
  assert.match(firstError('pac: { zzzzzz: 1 }\n'), /^1:8 unknown key "zzzzzz"; known here: fail_mode$/);
  assert.match(firstError('__proto__: 1\n'), /^1:1 unknown key "__proto__"/);
});

test('an unknown key is an error in every section', () => {
  for (const section of Object.keys(configSchema.shape)) {
    const errors = [`${section}: { zzz: 1 }\n`, `${section}: [{ zzz: 1 }]\n`].flatMap((text) => {
      const parsed = parseConfig(text);
      return parsed.ok ? [] : parsed.errors.map(({ message }) => message);
    });
    assert.ok(
      errors.some((message) => message.startsWith('unknown key "zzz"')),
      `${section}: ${errors.join('; ')}`,
    );
  }
});

test('a missing space after a colon is said as such', () => {
  assert.match(
    firstError('providers:\n  - { name: a, type: openai, api_key:x }\n'),
    /^2:30 unknown key "api_key:…"; there must be a space after its colon$/,
  );
});

test('an unknown key below a list of rows or of targets has its own place', () => {
  const route =
    'routes:\n  - id: r\n    model: m\n    strategy: primary-fallback\n    fallbacks:\n      - provider: p\n        modle: m\n';
  assert.equal(firstError(route), '7:9 unknown key "modle"; did you mean "model"?');
  const rows = 'catalogue:\n  - host: a.example\n    vendor: A\n    kind: chat\n    defualt: govern\n';
  const parsed = parseConfig(rows);
  assert.ok(!parsed.ok);
  assert.ok(
    parsed.errors.some(
      (error) => error.line === 5 && error.column === 5 && error.message.includes('did you mean "default"'),
    ),
  );
});

const wrong: readonly (readonly [why: string, text: string, place: string, message: RegExp])[] = [
  ['bad indentation', 'providers:\n  - name: a\n   type: openai\n', '3:', /./],
  ['a key given twice', 'pac: {}\naudit: {}\npac: {}\n', '3:1 ', /unique/],
  ['a tab', 'pac:\n\tfail_mode: open\n', '2:', /[Tt]ab/],
  ['two documents', 'pac: {}\n---\npac: {}\n', '', /document/],
  ['an alias', 'hosts: &h []\napps: *h\n', '2:7 ', /aliases/],
  ['a merge key', 'audit:\n  <<: {}\n', '2:3 ', /unknown key "<<"/],
  ['a tag', 'pac: !!js/function x\n', '1:6 ', /tag/],
  ['a list for a map', '- a\n', '1:1 ', /object/],
  ['a wrong type', 'audit:\n  cap_mb: lots\n', '2:11 ', /number/],
  ['a missing key', 'providers:\n  - name: a\n', '2:5 ', /./],
  ['a bad enum', 'audit: { level: paranoid }\n', '1:17 ', /strict/],
  ['an app rule without a condition', 'apps:\n  - action: block\n', '2:5 ', /at least one of/],
  ['action header without headers', 'hosts:\n  - { host: a.example, action: header }\n', '2:32 ', /needs `headers`/],
  [
    'headers on a tunnel',
    'hosts:\n  - host: a.example\n    action: tunnel\n    headers: { a: b }\n',
    '4:14 ',
    /cannot set headers/,
  ],
  [
    'a header value with a line break',
    'hosts:\n  - host: a.example\n    action: govern\n    headers: { x-a: "b\\r\\nc: d" }\n',
    '4:21 ',
    /line breaks/,
  ],
  [
    'a header name with a space',
    'hosts:\n  - host: a.example\n    action: govern\n    headers: { "x a": b }\n',
    '4:16 ',
    /header name/,
  ],
  [
    'a framing header',
    'hosts:\n  - host: a.example\n    action: govern\n    headers: { Content-Length: "1" }\n',
    '4:16 ',
    /set by the agent/,
  ],
  [
    'one header in two cases',
    'hosts:\n  - host: a.example\n    action: govern\n    headers: { X-A: "1", x-a: "2" }\n',
    '4:14 ',
    /twice/,
  ],
  ['a host with a scheme', 'hosts:\n  - { host: "https://a.example", action: block }\n', '2:13 ', /scheme/],
  ['a host pattern for everything', 'hosts:\n  - { host: "*", action: govern }\n', '2:13 ', /two labels/],
  [
    'clear text to another machine',
    'providers:\n  - { name: a, type: openai, base_url: "http://llm.example/v1" }\n',
    '2:40 ',
    /loopback/,
  ],
  [
    'a name that only begins like loopback',
    'providers:\n  - { name: a, type: openai, base_url: "http://127.0.0.1.example/" }\n',
    '2:40 ',
    /loopback/,
  ],
  [
    'a password in base_url',
    'providers:\n  - { name: a, type: openai, base_url: "https://u:p@llm.example/v1" }\n',
    '2:40 ',
    /api_key/,
  ],
  [
    'a query in base_url',
    'providers:\n  - { name: a, type: openai, base_url: "https://llm.example/v1?" }\n',
    '2:40 ',
    /query/,
  ],
  [
    'a fragment in base_url',
    'providers:\n  - { name: a, type: openai, base_url: "https://llm.example/v1#x" }\n',
    '2:40 ',
    /fragment/,
  ],
  ['another scheme', 'providers:\n  - { name: a, type: openai, base_url: "file:///x" }\n', '2:40 ', /https/],
  ['a provider name in capitals', 'providers:\n  - { name: A, type: openai }\n', '2:13 ', /a-z/],
  [
    'a key with a line break',
    'providers:\n  - { name: a, type: openai, api_key: "a\\nb" }\n',
    '2:39 ',
    /visible ASCII/,
  ],
  ['a variable within a key', `providers:\n  - { name: a, type: openai, api_key: "x\${Y}" }\n`, '2:39 ', /stand alone/],
  ['an unknown port', 'network: { connect_ports: [0] }\n', '1:28 ', /./],
  ['a range backwards', 'network: { connect_ports: ["90-80"] }\n', '1:28 ', /lower one first/],
  ['a private target without a port', 'network: { allow_private: [localhost] }\n', '1:28 ', /CIDR/],
  ['a CIDR block that is none', 'network: { allow_private: ["10.0.0.0/40"] }\n', '1:28 ', /CIDR/],
  ['an origin with a path', 'gateway: { allowed_origins: ["https://a.example/x"] }\n', '1:30 ', /origin/],
  ['an empty file', '', '0:0 ', /empty/],
  ['only comments', '# nothing\n', '0:0 ', /empty/],
];

for (const [why, text, place, message] of wrong) {
  test(`refused with its place: ${why}`, () => {
    const error = firstError(text);
    assert.ok(error.startsWith(place), error);
    assert.match(error, message);
  });
}

test('the place counts characters and lines also after CRLF and non-ASCII text', () => {
  assert.match(firstError('# Grüße\r\naudit:\r\n  level: nö\r\n'), /^3:10 /);
});

test('no error repeats a value: it may be a key', () => {
  const secret = 'sk-SECRET';
  const texts = [
    `providers:\n  - { name: a, type: ${secret} }\n`,
    `providers:\n  - { name: a, type: openai, api_key: [${secret}] }\n`,
    `providers:\n  - name: a\n    api_key: |${secret}\n`,
    `providers:\n  - name: a\n    api_key: !${secret} x\n`,
    `providers:\n  - name: a\n    api_key: "${secret}\n`,
    `providers:\n  - name: a\n    ${secret}\n`,
    `providers:\n  - name: a\n    api_key: '${secret}' y\n`,
    `providers:\n  - { name: a, type: openai, api_key: "${secret}\${X}" }\n`,
    `providers:\n  - { name: a, type: openai, base_url: "https://u:${secret}@a.example" }\n`,
    // A slip elsewhere makes the parser stumble over the key.
    `providers:\n  - name: ]\n    type: openai\n    api_key: ${secret}\n`,
    `providers:\n  - name: a\n |  api_key: ${secret}\n`,
    `providers:\n  - { name: a, type: openai, api_key: !${secret}! }\n`,
    `%${secret}\n---\npac: {}\n`,
    // Without a space after the colon the value is a part of the name.
    `providers:\n  - { name: a, type: openai, api_key:${secret} }\n`,
    `hosts:\n  - { host: a.example, action: govern, headers: { authorization:${secret} } }\n`,
  ];
  for (const text of texts) {
    const parsed = parseConfig(text);
    assert.ok(!parsed.ok, text);
    for (const error of parsed.errors) assert.ok(!formatError(error).includes('SECRET'), formatError(error));
  }
});

test('hostile documents are refused quickly', () => {
  const started = performance.now();
  const bombs = [
    `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*a,*a,*a]`).join('\n')}\n`,
    '['.repeat(20_000),
    `${'- '.repeat(20_000)}x`,
    `${'{a: '.repeat(10_000)}`,
    `pac: ${'x'.repeat(1_100_000)}`,
  ];
  for (const bomb of bombs) assert.match(firstError(bomb), /aliases|nested too deeply|larger than 1 MiB/);
  assert.ok(performance.now() - started < 20_000);
});

test('what is of the wrong kind is one error, not one of its size as well', () => {
  const parsed = parseConfig(`routes:\n  - { id: a, fallbacks: "${'x'.repeat(40)}" }\n`);
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.errors.map(({ at, message }) => `${at}: ${message}`),
    ['routes[0].fallbacks: Invalid input: expected array, received string'],
  );
});

test('errors are counted, sorted by place, and end at twenty', () => {
  const parsed = parseConfig(Array.from({ length: 50 }, (_, i) => `k${i}: 1`).join('\n'));
  assert.ok(!parsed.ok);
  assert.equal(parsed.errors.length, 20);
  assert.deepEqual(
    parsed.errors.map((error) => error.line),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});
