// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBundle } from './check-bundle.ts';

/** Put together so that no one takes it for a template that lost its backquotes. */
const VARIABLE = ['$', '{OPENAI_KEY}'].join('');
const KEY = 'sk-proj-literal';

async function faultsOf(config: string, files: Record<string, string> = {}, secrets: Record<string, string> = {}) {
  const checked = await checkBundle({ config, files, secrets });
  return { ...checked, errors: checked.ok ? [] : checked.errors };
}

const provider = (lines: string) => `providers:\n  - name: mine\n    type: openai\n${lines}`;

test('a literal key is refused where it stands, and not repeated', async () => {
  const places: readonly (readonly [string, number, number])[] = [
    [provider(`    api_key: ${KEY}\n`), 4, 14],
    [provider(`    api_keys:\n      - key: secret:one\n      - key: ${KEY}\n`), 6, 14],
  ];
  for (const [config, line, column] of places) {
    const { errors } = await faultsOf(config, {}, { one: 'sk-1' });
    assert.equal(errors.length, 1, config);
    assert.deepEqual([errors[0]?.line, errors[0]?.column], [line, column]);
    assert.match(errors[0]?.message ?? '', /write "secret:NAME"/);
    assert.ok(!JSON.stringify(errors).includes(KEY));
  }
});

test('AWS keys are secrets, but for the id that says whose they are', async () => {
  const aws = (id: string, key: string) =>
    `providers:\n  - name: cloud\n    type: bedrock\n    region: us-east-1\n    aws:\n      access_key_id: ${id}\n      secret_access_key: ${key}\n`;
  const { errors } = await faultsOf(aws('AKIA123', KEY));
  assert.deepEqual(
    errors.map(({ at }) => at),
    ['providers[0].aws.secret_access_key'],
  );
  assert.ok((await faultsOf(aws('AKIA123', 'secret:aws'), {}, { aws: 'x' })).ok);
});

test('an unknown secret is named with its place; a known one, client and none are good', async () => {
  const { errors } = await faultsOf(provider('    api_key: secret:openai\n'), {}, { other: 'sk-1' });
  assert.equal(errors.length, 1);
  assert.deepEqual([errors[0]?.line, errors[0]?.column], [4, 14]);
  assert.match(errors[0]?.message ?? '', /no secret named "openai"/);
  for (const key of ['secret:openai', 'client', 'none']) {
    const checked = await faultsOf(provider(`    api_key: ${key}\n`), {}, { openai: 'sk-1' });
    assert.ok(checked.ok, key);
    assert.deepEqual(checked.warnings, []);
  }
});

test('a variable of the devices is allowed, with a warning that names it', async () => {
  const checked = await faultsOf(provider(`    api_key: ${VARIABLE}\n`));
  assert.ok(checked.ok);
  assert.equal(checked.warnings.length, 1);
  assert.match(checked.warnings[0]?.message ?? '', /OPENAI_KEY must be set on each device/);
  assert.equal(checked.warnings[0]?.line, 4);
});

test('a header that may hold a key is warned of', async () => {
  const config =
    'hosts:\n  - host: a.example.com\n    action: header\n    headers:\n      x-api-key: abc\n      x-team: blue\n';
  const checked = await faultsOf(config);
  assert.ok(checked.ok);
  assert.deepEqual(
    checked.warnings.map(({ at, line }) => [at, line]),
    [['hosts[0].headers.x-api-key', 5]],
  );
});

test('files are those that the configuration names, and hold no private key', async () => {
  const catalogue = 'host,paths,vendor,kind,default\nai.example.com,,Example,inference,govern\n';
  const config = 'catalogue: hosts.csv\n';
  assert.ok((await faultsOf(config, { 'hosts.csv': catalogue })).ok);
  assert.match((await faultsOf(config)).errors[0]?.message ?? '', /is not part of the bundle/);
  const extra = await faultsOf(config, { 'hosts.csv': catalogue, 'notes.txt': 'x' });
  assert.deepEqual(
    extra.errors.map(({ at, message }) => [at, message]),
    [['file notes.txt', 'the configuration does not name this file']],
  );
  const pem = ['-----BEGIN PRIVATE', 'KEY-----'].join(' ');
  const key = await faultsOf('upstream:\n  ca_files: [ca.pem]\n', { 'ca.pem': pem });
  assert.match(key.errors[0]?.message ?? '', /holds a private key/);
});

test('whatever a device would refuse is refused', async () => {
  const { errors } = await faultsOf('hosts:\n  - host: a.example.com\n    action: alow\n');
  assert.deepEqual([errors[0]?.line, errors[0]?.column], [3, 13]);
  const account = await faultsOf('providers:\n  - name: g\n    type: vertex\n    service_account: /etc/key.json\n');
  assert.ok(!account.ok);
});
