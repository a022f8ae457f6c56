// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import { createGoogleTokens, GoogleTokenError } from './google-token.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const secret = {
  kind: 'google',
  clientEmail: 'agent@project.iam.gserviceaccount.com',
  privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  tokenUri: 'https://oauth2.googleapis.com/token',
} as const;

interface Sent {
  readonly url: string;
  readonly form: string;
}

function endpoint(answer: (n: number) => { status: number; body: string } | Promise<never>) {
  const clock = new FakeClock();
  const sent: Sent[] = [];
  const tokens = createGoogleTokens({
    clock,
    post: async (url, form) => {
      sent.push({ url, form });
      return answer(sent.length);
    },
  });
  return { clock, sent, tokens };
}

const granted = (n: number) => ({
  status: 200,
  body: JSON.stringify({ access_token: `token-${n}`, expires_in: 3600 }),
});

test('exchanges an assertion that the account’s public key verifies', async () => {
  const { clock, sent, tokens } = endpoint(granted);
  assert.equal(await tokens.token(secret), 'token-1');
  const [{ url, form } = { url: '', form: '' }] = sent;
  assert.equal(url, secret.tokenUri);
  const fields = new URLSearchParams(form);
  assert.equal(fields.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [header = '', claims = '', signature = ''] = (fields.get('assertion') ?? '').split('.');
  const decoded = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  assert.deepEqual(decoded(header), { alg: 'RS256', typ: 'JWT' });
  const iat = Math.floor(clock.now() / 1000);
  assert.deepEqual(decoded(claims), {
    iss: secret.clientEmail,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: secret.tokenUri,
    iat,
    exp: iat + 3600,
  });
  assert.ok(verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url')));
});

test('one exchange serves all who ask, until five minutes before the end', async () => {
  const { clock, sent, tokens } = endpoint(granted);
  assert.deepEqual(await Promise.all([tokens.token(secret), tokens.token(secret)]), ['token-1', 'token-1']);
  clock.advance(55 * 60_000 - 1);
  assert.equal(await tokens.token(secret), 'token-1');
  clock.advance(1);
  assert.equal(await tokens.token(secret), 'token-2');
  assert.equal(sent.length, 2);
});

test('a wall clock that jumps ahead ends a token, one that is set back does not prolong it', async () => {
  const { clock, tokens } = endpoint(granted);
  await tokens.token(secret);
  clock.jumpWall(3_600_000);
  assert.equal(await tokens.token(secret), 'token-2');
  clock.jumpWall(-86_400_000);
  clock.advance(3_600_000);
  assert.equal(await tokens.token(secret), 'token-3');
});

test('accounts and changed keys do not share tokens, and a dropped token is fetched anew', async () => {
  const { tokens } = endpoint(granted);
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' });
  assert.equal(await tokens.token(secret), 'token-1');
  assert.equal(await tokens.token({ ...secret, privateKey: other.toString() }), 'token-2');
  tokens.drop(secret);
  assert.equal(await tokens.token(secret), 'token-3');
});

test('a refusal is an error without secrets, and is not remembered', async () => {
  const { tokens } = endpoint((n) =>
    n === 1 ? { status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT"}' } : granted(n),
  );
  await assert.rejects(tokens.token(secret), (error) => {
    assert.ok(error instanceof GoogleTokenError);
    assert.equal(error.refused, true);
    assert.equal(error.detail, 'token endpoint: 400 invalid_grant');
    return true;
  });
  assert.equal(await tokens.token(secret), 'token-2');
});

const odd: readonly (readonly [string, number, string, boolean])[] = [
  ['no JSON', 200, '<html>', false],
  ['null', 200, 'null', false],
  ['no token', 200, '{}', false],
  ['a token that is no header value', 200, '{"access_token":"a\\nb"}', false],
  ['a server’s error', 503, '{"error":"x y"}', false],
  ['a refused account', 401, '{"error":"invalid_client"}', true],
];

for (const [what, status, body, refused] of odd) {
  test(`an answer with ${what} is no token`, async () => {
    const { tokens } = endpoint(() => ({ status, body }));
    await assert.rejects(
      tokens.token(secret),
      (error) => error instanceof GoogleTokenError && error.refused === refused,
    );
  });
}

test('an unreachable endpoint is reported as it is', async () => {
  const { tokens } = endpoint(() => Promise.reject(new OutpostError('OUT_UPSTREAM_UNREACHABLE', 'ECONNREFUSED')));
  await assert.rejects(tokens.token(secret), { code: 'OUT_UPSTREAM_UNREACHABLE', detail: 'ECONNREFUSED' });
});

test('a key that cannot sign is said without the key', async () => {
  const { sent, tokens } = endpoint(granted);
  const broken = { ...secret, privateKey: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n' };
  await assert.rejects(tokens.token(broken), (error) => {
    assert.ok(error instanceof GoogleTokenError && error.refused);
    assert.equal(error.cause, undefined);
    assert.ok(!String(error.stack).includes('c2VjcmV0'));
    return true;
  });
  assert.equal(sent.length, 0);
});
