// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { SYNC_ERRORS } from '../../contract/sync/errors.ts';
import { createClient, readReply } from './client.ts';
import type { Asked, Http, Reply } from './http.ts';

const NOW = Date.UTC(2030, 0, 1);
const OURS = { 'outpost-sync': 'outpost-sync/1' };

function reply(status: number, body: unknown, headers: Readonly<Record<string, string>> = OURS): Reply {
  return { kind: 'answer', status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
}

const read = (one: Reply) => readReply(one, NOW, () => 0.5);

test('each refusal of the protocol is known by its code, with the status that belongs to it', () => {
  for (const [code, { status }] of Object.entries(SYNC_ERRORS)) {
    assert.deepEqual(read(reply(status, { error: code, message: '' })), {
      kind: 'refused',
      code,
      retryAfterMs: undefined,
    });
    assert.deepEqual(read(reply(418, { error: code, message: '' })), {
      kind: 'failed',
      why: 'http-418',
      retryAfterMs: undefined,
    });
  }
});

test('what does not say that it is a control plane is none, whatever it answers', () => {
  for (const headers of [{}, { 'outpost-sync': 'outpost-sync/2' }] as Readonly<Record<string, string>>[]) {
    for (const one of [
      reply(200, '<html>sign in', headers),
      reply(401, { error: 'revoked' }, headers),
      reply(304, '', headers),
    ]) {
      assert.deepEqual(read(one), { kind: 'failed', why: 'not-control-plane', retryAfterMs: undefined });
    }
  }
});

test('words that are not of the protocol tell the device nothing', () => {
  for (const body of ['', 'revoked', '[]', 'null', { error: 'constructor' }, { error: 7 }, { code: 'revoked' }]) {
    assert.deepEqual(read(reply(401, body)), { kind: 'failed', why: 'http-401', retryAfterMs: undefined });
  }
});

test('Retry-After is read where somebody asks to wait', () => {
  const after = { ...OURS, 'retry-after': '100' };
  assert.deepEqual(read(reply(503, { error: 'unavailable' }, after)), {
    kind: 'refused',
    code: 'unavailable',
    retryAfterMs: 100_000,
  });
  assert.deepEqual(read(reply(503, 'busy', { 'retry-after': '100' })), {
    kind: 'failed',
    why: 'not-control-plane',
    retryAfterMs: 100_000,
  });
  assert.deepEqual(read(reply(429, '', { ...OURS, 'retry-after': '1'.repeat(65) })), {
    kind: 'failed',
    why: 'http-429',
    retryAfterMs: undefined,
  });
});

test('a result comes with its entity tag, and no change is no result', () => {
  const answer = read(reply(200, 'x', { ...OURS, etag: '"1"' }));
  assert.deepEqual(answer, { kind: 'ok', body: Buffer.from('x'), etag: '"1"' });
  assert.deepEqual(read(reply(200, 'x', { ...OURS, etag: 'x'.repeat(257) })), {
    kind: 'ok',
    body: Buffer.from('x'),
    etag: undefined,
  });
  assert.deepEqual(read(reply(304, '')), { kind: 'unchanged' });
  assert.deepEqual(read({ kind: 'none', why: 'deadline' }), {
    kind: 'failed',
    why: 'deadline',
    retryAfterMs: undefined,
  });
});

const { privateKey } = generateKeyPairSync('ed25519');

/** A client of a server that answers as told, one after the other; the last answer again and again. */
function clientOf(replies: readonly Reply[], onClock: (now: number) => boolean = () => true) {
  const asked: (Asked & { readonly created: number | undefined })[] = [];
  let created = 1;
  const http: Http = {
    async ask(one) {
      asked.push({ ...one, created: one.signer?.().created });
      return replies[Math.min(asked.length, replies.length) - 1] ?? { kind: 'none', why: 'nothing' };
    },
    stream: () => () => undefined,
    retire: () => undefined,
    close: () => undefined,
  };
  const client = createClient({
    http,
    signer: () => ({ kid: 'k', key: privateKey, created: created++ }),
    onClock,
    clock: new FakeClock(NOW),
    random: () => 0.5,
  });
  return { client, asked };
}

const CLOCK = reply(401, { error: 'clock', message: '', now: NOW + 1 });

test('a server that tells its time is asked once more, dated anew', async () => {
  let told: number | undefined;
  const { client, asked } = clientOf([CLOCK, reply(200, 'x')], (now) => {
    told = now;
    return true;
  });
  const answer = await client.get('p', { signed: true, most: 10 });
  assert.equal(answer.kind, 'ok');
  assert.equal(told, NOW + 1);
  assert.deepEqual(
    asked.map(({ created }) => created),
    [1, 2],
  );
});

test('it is asked no third time, nor where its time changed nothing, nor without a signature', async () => {
  const never = clientOf([CLOCK]);
  assert.deepEqual(await never.client.get('p', { signed: true, most: 10 }), {
    kind: 'refused',
    code: 'clock',
    retryAfterMs: undefined,
  });
  assert.equal(never.asked.length, 2);
  const same = clientOf([CLOCK], () => false);
  await same.client.post('p', {}, 10);
  assert.equal(same.asked.length, 1);
  const unsigned = clientOf([CLOCK]);
  await unsigned.client.get('p', { signed: false, most: 10 });
  assert.equal(unsigned.asked.length, 1);
  const silent = clientOf([reply(401, { error: 'clock', message: '' })]);
  await silent.client.get('p', { signed: true, most: 10 });
  assert.equal(silent.asked.length, 1);
});

test('the entity tag is sent as it came', async () => {
  const { client, asked } = clientOf([reply(304, '')]);
  await client.get('p', { signed: false, etag: '"7"', most: 10 });
  assert.deepEqual(asked[0]?.headers, { 'if-none-match': '"7"' });
});
