// SPDX-License-Identifier: Apache-2.0
// What a bundle says of rules that are wrong, of variables and of warnings: where and of which kind, in nobody else's words; always JSON.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import { createFakeAgent } from '../../../test/fakes/fake-agent.ts';
import { healthItemOf, type Warning } from '../../contract/health.ts';
import type { AgentState } from '../../contract/local-api.ts';
import { parseConfig } from '../policy/parse.ts';
import { type Bundle, type BundleInput, makeBundle } from './bundle.ts';
import { faultPart } from './faulty-rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-bundle-'));
after(() => rmSync(folder, { recursive: true }));
const configPath = join(folder, 'outpost.yaml');
const base: BundleInput = {
  at: Date.UTC(2030, 4, 6),
  version: '0.1.0',
  machine: {
    platform: 'linux',
    release: '1',
    arch: 'x64',
    node: 'v24',
    cpus: 1,
    memory_bytes: 1,
    free_memory_bytes: 1,
    up_seconds: 1,
  },
  person: { home: '/home/al', user: 'alan' },
  dataDir: join(folder, 'data'),
  configPath,
  state: undefined,
  report: { ok: true, at: 1, checks: [] },
  env: {},
  rows: 0,
};
const checks = (...summaries: readonly string[]): BundleInput['report'] => ({
  ok: true,
  at: 1,
  checks: summaries.map((summary) => ({ name: 'env-node', status: 'warn', summary, duration_ms: 1 })),
});

function filesOf({ bytes }: Bundle): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, text]) => [name, strFromU8(text)]));
}

const own = createFakeAgent().state();
const withHealth = (...warnings: readonly Warning[]): AgentState => {
  const { organisation: _, ...state } = own;
  return { ...state, health: warnings.map((warning) => healthItemOf(warning, 1)) };
};

test('of rules that are wrong only line, column and kind are told, and their keys are nowhere', () => {
  const key = 'canary word 9f';
  const text = `CANARYTOPKEY: 1\nproviders:\n  - { name: x, type: openai, api_key: CANARYk3y }\n  - { api_keyy: "${key}" }\n`;
  writeFileSync(configPath, text);
  const parsed = parseConfig(text);
  assert.ok(!parsed.ok && JSON.stringify(parsed.errors).includes('CANARYTOPKEY'), 'the fault is one that repeats it');
  const [first] = parsed.errors;
  assert.ok(first !== undefined);
  const state = withHealth({
    code: 'config-rejected',
    args: { file: 'outpost.yaml', line: 1, column: 1, message: first.message },
  });
  const files = filesOf(
    makeBundle({
      ...base,
      report: checks('It said CANARYk3y.'),
      state: { ...state, policy: { ...state.policy, state: 'rejected', errors: [...parsed.errors] } },
    }),
  );
  for (const [name, content] of Object.entries(files)) assert.doesNotMatch(content, /canary/i, name);
  const { errors } = JSON.parse(files['rules.json'] ?? '') as { errors: unknown[] };
  assert.deepEqual(errors[0], { message: 'unknown key', line: 1, column: 1, at: '…' });
  const told = JSON.parse(files['state.json'] ?? '') as { policy: { errors: unknown[] }; health: unknown[] };
  assert.deepEqual(told.policy.errors[0], errors[0]);
  assert.deepEqual(told.health, [
    { code: 'config-rejected', severity: 'medium', since: 1, args: { line: 1, column: 1 } },
  ]);
});

test('the kind of a fault is in our words, its place in names of settings', async (t) => {
  const table: readonly (readonly [string, string, string, string])[] = [
    ['unknown key "x"; known here: a', 'providers[0].x', 'unknown key', 'providers[0].…'],
    ['the route id "x" is used twice', 'routes[1].id', 'the route id', 'routes[1].id'],
    ['Invalid input: expected string', 'hosts[0].headers.X-Word', 'Invalid input', 'hosts[0].headers.…'],
    ['the word CANARY is wrong', '', 'the word is wrong', ''],
    ['', '', 'not as it should be', ''],
  ];
  for (const [message, at, kind, place] of table) {
    await t.test(message, () =>
      assert.deepEqual(faultPart({ message, at, line: 1, column: 2 }), {
        message: kind,
        at: place,
        line: 1,
        column: 2,
      }),
    );
  }
});

test('a warning that names an app, its host, or what somebody wrote comes without its words', () => {
  const { health } = JSON.parse(
    filesOf(
      makeBundle({
        ...base,
        state: withHealth(
          { code: 'pinned-client', args: { app: 'Canary App', host: 'canary.example' } },
          { code: 'order-in-force', args: { level: 'block', reason: 'canary' } },
          { code: 'clock-off', args: { seconds: 3 } },
          { code: 'audit-full', args: { reason: 'cap' } },
        ),
      }),
    )['state.json'] ?? '',
  ) as { health: { code: string; text?: string }[] };
  assert.doesNotMatch(JSON.stringify(health), /canary/i);
  assert.deepEqual(
    health.map(({ code, text }) => [code, text !== undefined]),
    [
      ['pinned-client', false],
      ['order-in-force', false],
      ['clock-off', true],
      ['audit-full', true],
    ],
  );
});

test('the checks tell no more of variables than that they are set', () => {
  const files = filesOf(
    makeBundle({
      ...base,
      env: { NODE_EXTRA_CA_CERTS: 'CANARYFILE', REQUESTS_CA_BUNDLE: '/srv/CANARY.pem', https_proxy: 'CANARYPROXYWORD' },
      report: checks(
        'NODE_EXTRA_CA_CERTS (CANARYFILE) does not have Outpost’s certificate.',
        'REQUESTS_CA_BUNDLE names /srv/CANARY.pem, which has no readable certificate.',
        'npm’s cafile (~/.npmrc) names CANARY of, a file, which has no readable certificate.',
        'HTTPS_PROXY leads to canaryproxyword:80, where nothing listens.',
      ),
    }),
  );
  for (const [name, content] of Object.entries(files)) assert.doesNotMatch(content, /canary/i, name);
  assert.deepEqual(JSON.parse(files['environment.json'] ?? ''), {
    NODE_EXTRA_CA_CERTS: 'set',
    REQUESTS_CA_BUNDLE: 'set',
    https_proxy: 'set',
  });
  assert.match(files['doctor.json'] ?? '', /NODE_EXTRA_CA_CERTS \(\(its value\)\) does not have/);
});

test('a part that is too large is left out with a sentence, and sizes are those of what is in there', () => {
  const made = makeBundle({ ...base, report: checks(...Array.from({ length: 5 }, () => 'ü '.repeat(500_000))) });
  const files = filesOf(made);
  assert.deepEqual(JSON.parse(files['doctor.json'] ?? ''), { left_out: 'This part is larger than 4 MiB.' });
  for (const { name, bytes } of made.parts) assert.equal(bytes, Buffer.byteLength(files[name] ?? ''), name);
});
