// SPDX-License-Identifier: Apache-2.0
// `outpost env`: each tool gets what it needs and no more; values arrive in a real shell as they are.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { envReport } from '../../contract/local-api.ts';
import { type EnvRequest, envFor } from './env-for.ts';
import { assignment } from './quote.ts';
import { TOOLS } from './tools.ts';

const request: EnvRequest = {
  shell: 'bash',
  proxyUrl: 'http://127.0.0.1:8140',
  gatewayUrl: 'http://127.0.0.1:8141',
  caBundlePath: '/data/ca-bundle.pem',
  caPath: '/data/ca.pem',
};

function valuesOf(tool?: string): Readonly<Record<string, string>> {
  const report = envFor({ ...request, tool });
  assert.ok(report !== undefined, tool);
  assert.deepEqual(envReport.parse(report), report);
  return Object.fromEntries(report.variables.map(({ name, value }) => [name, value]));
}

const PROXY = {
  HTTPS_PROXY: 'http://127.0.0.1:8140',
  https_proxy: 'http://127.0.0.1:8140',
  HTTP_PROXY: 'http://127.0.0.1:8140',
  http_proxy: 'http://127.0.0.1:8140',
  NO_PROXY: 'localhost,127.0.0.1,::1,.local',
  no_proxy: 'localhost,127.0.0.1,::1,.local',
};
const URLS = {
  OPENAI_BASE_URL: 'http://127.0.0.1:8141/openai/v1',
  ANTHROPIC_BASE_URL: 'http://127.0.0.1:8141/anthropic',
  GOOGLE_GEMINI_BASE_URL: 'http://127.0.0.1:8141/gemini',
  GROQ_BASE_URL: 'http://127.0.0.1:8141/groq',
};
const NODE = { NODE_EXTRA_CA_CERTS: '/data/ca.pem' };
const BUNDLE = '/data/ca-bundle.pem';

test('each tool gets exactly what it was seen to need', () => {
  const wanted: Readonly<Record<string, object>> = {
    'claude-code': { ...PROXY, ...NODE },
    codex: { ...PROXY, CODEX_CA_CERTIFICATE: BUNDLE },
    'gemini-cli': { ...PROXY, ...NODE },
    opencode: { ...PROXY, ...NODE },
    copilot: { ...PROXY, ...NODE },
    curl: { ...PROXY, CURL_CA_BUNDLE: BUNDLE },
    git: { ...PROXY, GIT_SSL_CAINFO: BUNDLE },
    python: { ...PROXY, SSL_CERT_FILE: BUNDLE, REQUESTS_CA_BUNDLE: BUNDLE, PIP_CERT: BUNDLE, ...URLS },
    node: { ...PROXY, ...NODE, NODE_USE_ENV_PROXY: '1', ...URLS },
    ollama: { OLLAMA_HOST: 'http://127.0.0.1:8141/ollama' },
  };
  assert.deepEqual([...TOOLS.keys()].sort(), Object.keys(wanted).sort());
  for (const [tool, values] of Object.entries(wanted)) assert.deepEqual(valuesOf(tool), values, tool);
});

test('without a tool everything is set, except what would break another program', () => {
  const values = valuesOf();
  assert.deepEqual(values, {
    ...PROXY,
    ...NODE,
    ...URLS,
    NODE_USE_ENV_PROXY: '1',
    SSL_CERT_FILE: BUNDLE,
    REQUESTS_CA_BUNDLE: BUNDLE,
    CURL_CA_BUNDLE: BUNDLE,
    PIP_CERT: BUNDLE,
    GIT_SSL_CAINFO: BUNDLE,
    CODEX_CA_CERTIFICATE: BUNDLE,
  });
  assert.equal('OLLAMA_HOST' in values, false, '`ollama serve` would listen there');
});

test('an unknown tool is said to be unknown', () => {
  assert.equal(envFor({ ...request, tool: 'emacs' }), undefined);
  assert.equal(envFor({ ...request, tool: 'constructor' }), undefined);
});

const NASTY = [
  `it's "quoted" $HOME \`id\` $(id) \\ \\' !! ; & | < > * ? ~ # %PATH%`,
  `'`,
  `''`,
  `\\`,
  `a\\`,
  ' leading and trailing ',
  'ünïcödé ‘curly’ ‚low‛',
  '',
];

test('bash reads back the exact value, with eval quoted and unquoted', () => {
  for (const value of NASTY) {
    const script = `${assignment('bash', 'A_VALUE', value)}\n${assignment('bash', 'B_VALUE', 'b')}\n`;
    const run = (line: string) =>
      execFileSync('bash', ['-c', `${line}; printf '%s|%s' "$A_VALUE" "$B_VALUE"`], {
        encoding: 'utf8',
        env: { ...process.env, SCRIPT: script },
      });
    assert.equal(run('eval "$SCRIPT"'), `${value}|b`);
    if (!/\s|\*|\?/.test(value)) assert.equal(run('eval $SCRIPT'), `${value}|b`);
  }
});

test('the whole script of bash sets every variable', () => {
  const report = envFor({ ...request, caPath: "/tmp/it's here/ca.pem" });
  const out = execFileSync('bash', ['-c', `${report?.script}\nexec env -0`], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '' },
  });
  const got = new Set(out.split('\0'));
  for (const { name, value } of report?.variables ?? []) assert.ok(got.has(`${name}=${value}`), name);
});

test('fish and PowerShell quote by their own rules', () => {
  assert.equal(assignment('fish', 'A', `it's \\ $x`), `set -gx A 'it\\'s \\\\ $x'`);
  assert.equal(assignment('powershell', 'A', `it's \\ $x ‘y’ ‚‛`), `$env:A = 'it''s \\ $x ‘‘y’’ ‚‚‛‛'`);
});

test('PowerShell gets no lower-case twins: they are the same variable there', () => {
  const names = envFor({ ...request, shell: 'powershell' })?.variables.map(({ name }) => name) ?? [];
  assert.deepEqual(
    names.filter((name) => name !== name.toUpperCase()),
    [],
  );
});

test('a value that could begin another command is refused in every shell', () => {
  for (const shell of ['bash', 'fish', 'powershell'] as const)
    for (const value of ['a\nid', 'a\rb', 'a\0b', 'a\x1b[2J', 'a\x7f'])
      assert.throws(() => assignment(shell, 'A', value), RangeError);
});
