// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { credentialOf, parseServiceAccount, type Secrets, type ServiceAccounts } from './keys.ts';
import { parseConfig } from './parse.ts';

/** Put together so that no one takes it for a template that lost its backquotes. */
const variable = (name: string): string => ['$', `{${name}}`].join('');

function credential(
  entry: string,
  env: Record<string, string> = {},
  serviceAccounts: ServiceAccounts = {},
  secrets?: Secrets,
) {
  const parsed = parseConfig(`providers:\n  - ${entry}\n`);
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.errors));
  const provider = parsed.config.providers?.[0];
  assert.ok(provider !== undefined);
  const said: string[] = [];
  const found = credentialOf(provider, { env, serviceAccounts, secrets }, (key, message) =>
    said.push(`${key}: ${message}`),
  );
  return { found, said };
}

test('several keys have names and weights; a variable may stand for each', () => {
  const { found, said } = credential(
    `{ name: p, type: openai, api_keys: [{ key: sk-1 }, { name: spare, key: "${variable('SPARE')}", weight: 0 }] }`,
    { SPARE: ' sk-2 ' },
  );
  assert.deepEqual(said, []);
  assert.deepEqual(found, {
    kind: 'keys',
    keys: [
      { name: 'key-1', weight: 1, secret: { kind: 'text', value: 'sk-1' } },
      { name: 'spare', weight: 0, secret: { kind: 'text', value: 'sk-2' } },
    ],
  });
});

test('the caller’s own, none at all, AWS keys', () => {
  assert.deepEqual(credential('{ name: p, type: openai }').found, { kind: 'client' });
  assert.deepEqual(credential('{ name: p, type: ollama, api_key: none }').found, { kind: 'none' });
  const { found } = credential(
    `{ name: p, type: bedrock, region: eu-west-1, aws: { access_key_id: AKIA1, secret_access_key: "${variable('S')}" } }`,
    { S: 'shh' },
  );
  assert.deepEqual(found, {
    kind: 'keys',
    keys: [
      {
        name: 'key-1',
        weight: 1,
        secret: { kind: 'aws', accessKeyId: 'AKIA1', secretAccessKey: 'shh', sessionToken: undefined },
      },
    ],
  });
});

test('what cannot be a credential is said without showing it', () => {
  assert.deepEqual(credential(`{ name: p, type: openai, api_keys: [{ key: "${variable('GONE')}" }] }`).said, [
    'api_keys: the environment variable GONE is not set',
  ]);
  assert.deepEqual(credential(`{ name: p, type: openai, api_key: "${variable('BAD')}" }`, { BAD: 'two words' }).said, [
    'api_key: the environment variable BAD is not a valid key (visible ASCII without spaces)',
  ]);
  assert.match(credential('{ name: p, type: openai, api_key: k, api_keys: [{ key: l }] }').said.join(), /not several/);
  assert.match(
    credential('{ name: p, type: openai, api_keys: [{ name: x, key: k }, { name: x, key: l }] }').said.join(),
    /twice/,
  );
  assert.match(credential('{ name: p, type: openai, api_keys: [{ key: client }] }').said.join(), /stands alone/);
  assert.match(
    credential('{ name: p, type: openai, aws: { access_key_id: a, secret_access_key: b } }').said.join(),
    /only type "bedrock"/,
  );
});

test('a service account’s file gives its three parts, and no assertion goes to a clear-text address', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const file = { type: 'service_account', client_email: 'svc@project.example', private_key: privateKey };
  const account = parseServiceAccount(JSON.stringify(file));
  assert.deepEqual(account, {
    clientEmail: 'svc@project.example',
    privateKey,
    tokenUri: 'https://oauth2.googleapis.com/token',
  });
  for (const bad of ['', '[]', '{}', JSON.stringify({ ...file, token_uri: 'http://evil.example/' })]) {
    assert.equal(parseServiceAccount(bad), undefined);
  }
  assert.ok(account !== undefined);
  const entry = '{ name: p, type: vertex, project: x, location: us-east5, service_account: sa.json }';
  assert.deepEqual(credential(entry, {}, { 'sa.json': account }).found, {
    kind: 'keys',
    keys: [{ name: 'key-1', weight: 1, secret: { kind: 'google', ...account } }],
  });
});

const SECRETS = { 'openai-key': 'sk-secret', constructor2: 'x' };

test('a secret of the organisation stands for a key', () => {
  const { found, said } = credential('{ name: p, type: openai, api_key: "secret:openai-key" }', {}, {}, SECRETS);
  assert.deepEqual(said, []);
  assert.deepEqual(found, {
    kind: 'keys',
    keys: [{ name: 'key-1', weight: 1, secret: { kind: 'text', value: 'sk-secret' } }],
  });
});

test('a stand-alone file has no secrets, and a policy only those that there are', () => {
  const entry = '{ name: p, type: openai, api_key: "secret:openai-key" }';
  assert.deepEqual(credential(entry).said, ['api_key: only an organisation that publishes its policy has secrets']);
  assert.deepEqual(credential(entry, {}, {}, {}).said, ['api_key: the organisation has no secret named "openai-key"']);
  const inherited = '{ name: p, type: openai, api_key: "secret:constructor" }';
  assert.equal(credential(inherited, {}, {}, SECRETS).said.length, 1, 'what every object has is no secret');
});

test('a published policy holds no key, but may name a variable', () => {
  const hidden = ['api_key: a published policy holds no key: write "secret:NAME"'];
  assert.deepEqual(credential('{ name: p, type: openai, api_key: sk-1 }', {}, {}, SECRETS).said, hidden);
  const named = `{ name: p, type: openai, api_key: "${variable('KEY')}" }`;
  assert.deepEqual(credential(named, { KEY: 'sk-2' }, {}, SECRETS).said, []);
  for (const word of ['client', 'none']) {
    assert.deepEqual(credential(`{ name: p, type: openai, api_key: ${word} }`, {}, {}, SECRETS).said, [], word);
  }
  const aws =
    '{ name: p, type: bedrock, region: eu-west-1, aws: { access_key_id: AKIA1, secret_access_key: "secret:openai-key" } }';
  assert.deepEqual(credential(aws, {}, {}, SECRETS).said, [], 'the id of an AWS key is no secret');
});

test('a service account of a published policy is a secret in base64', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const file = Buffer.from(JSON.stringify({ client_email: 'a@b.example', private_key: pem })).toString('base64');
  const entry = '{ name: p, type: vertex, project: x, location: eu, service_account: "secret:google" }';
  const { found, said } = credential(entry, {}, {}, { google: file });
  assert.deepEqual(said, []);
  assert.ok(found.kind === 'keys' && found.keys[0].secret.kind === 'google');
  assert.deepEqual(credential(entry, {}, {}, { google: 'nothing' }).said, [
    'service_account: the secret is no key file of a service account in base64',
  ]);
  const named = '{ name: p, type: vertex, project: x, location: eu, service_account: vertex.json }';
  assert.equal(credential(named, {}, {}, SECRETS).said.length, 1);
});

test('where secrets were dropped, what stands on one falls back to the caller’s own credential', () => {
  for (const entry of [
    '{ name: p, type: openai, api_key: "secret:a" }',
    '{ name: p, type: openai, api_keys: [{ key: "secret:a" }, { key: "secret:b" }] }',
    '{ name: p, type: vertex, project: x, location: eu, service_account: "secret:g" }',
    `{ name: p, type: openai, api_key: "${variable('GONE')}" }`,
  ]) {
    const { found, said } = credential(entry, {}, {}, 'dropped');
    assert.deepEqual([found, said], [{ kind: 'client' }, []], entry);
  }
  const { found } = credential(
    `{ name: p, type: openai, api_key: "${variable('HERE')}" }`,
    { HERE: 'sk' },
    {},
    'dropped',
  );
  assert.equal(found.kind, 'keys', 'what is there still counts');
});
