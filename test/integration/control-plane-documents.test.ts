// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Discovery, discovery, type ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { freshPayload, secretsPayload } from '../../src/contract/sync/objects.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { storeBundle } from '../../src/control-plane/policies/bundles.ts';
import { parsePayload } from '../../src/protocol/payload.ts';
import { unseal } from '../../src/protocol/seal.ts';
import { verifyObject } from '../../src/protocol/signed-object.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type Answer, type FakeDevice, PROTOCOL_HEADERS, send } from '../fakes/device.ts';

const refusal = (answer: Answer): string => `${answer.status} ${answer.json<ErrorAnswer>().error}`;

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let device: FakeDevice;
  /** Of another organisation. */
  let stranger: FakeDevice;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    device = await plane.enrolled();
    const other = await plane.addOrg('other');
    stranger = plane.device({ org: other.org });
    await stranger.enrol(other.token);
  });
  after(() => plane.close());

  const anyone = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    send(plane.url, { method: 'GET', path, headers: { ...PROTOCOL_HEADERS, ...headers }, body: Buffer.alloc(0) });

  test('the discovery names what is spoken, and the time', async () => {
    const answer = await anyone('/.well-known/outpost-sync');
    const found = discovery.parse(answer.json<Discovery>());
    assert.deepEqual(found.protocols, ['outpost-sync/1']);
    assert.equal(found.now, clock.now());
    assert.equal(answer.headers['cache-control'], 'no-store');
  });

  test('the freshness document is served to anybody, and to whoever has it already in 304 words', async () => {
    const path = device.freshPath();
    const first = await anyone(path);
    assert.equal(first.status, 200);
    assert.equal(first.headers['content-type'], 'application/jose+json');
    assert.equal(first.headers['cache-control'], 'public, max-age=15');
    const { payload } = first.json<{ payload: string }>();
    const fresh = parsePayload(freshPayload, Buffer.from(payload, 'base64url'));
    assert.equal(fresh?.ring, device.ring);
    const etag = String(first.headers.etag);
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await device.get(path, { 'if-none-match': held });
      assert.equal(again.status, 304);
      assert.equal(again.headers.etag, etag);
      assert.equal(again.headers['cache-control'], 'public, max-age=15');
      assert.equal(again.headers['outpost-sync'], 'outpost-sync/1');
      assert.equal(again.body.length, 0);
    }
    assert.equal((await device.get(path, { 'if-none-match': '"other"' })).status, 200);
    // A change is seen at once by the process that made it.
    await setSecret(plane.ctx, plane.org, TESTER, 'A', 'value');
    assert.equal((await device.get(path, { 'if-none-match': etag })).status, 200);
  });

  test('a root never changes, and one that is not there is missing', async () => {
    const answer = await anyone('/v1/o/acme/root/1');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal((await anyone('/v1/o/acme/root/1', { 'if-none-match': String(answer.headers.etag) })).status, 304);
    for (const path of [
      '/v1/o/acme/root/2',
      '/v1/o/nobody/root/1',
      '/v1/o/acme/r/r7/fresh',
      '/v1/o/nobody/r/r1/fresh',
    ]) {
      const missing = await anyone(path);
      assert.equal(refusal(missing), '404 missing', path);
      assert.equal(missing.headers['cache-control'], 'no-store', path);
    }
  });

  test('a bundle is served by its hash, byte for byte, to its own organisation’s address alone', async () => {
    const bytes = randomBytes(300_000);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await storeBundle(plane.ctx.db.query, { org: plane.org, version: 7 }, { bytes, sha256 });
    const answer = await anyone(`/v1/o/acme/b/${sha256}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/zstd');
    assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.ok(answer.body.equals(bytes));
    assert.equal((await anyone(`/v1/o/acme/b/${sha256}`, { 'if-none-match': `"${sha256}"` })).status, 304);
    assert.equal(refusal(await stranger.get(`/v1/o/other/b/${sha256}`)), '404 missing');
    assert.equal(refusal(await anyone(`/v1/o/acme/b/${'0'.repeat(64)}`)), '404 missing');
  });

  test('secrets are sealed to the device that asks, and are its own organisation’s', async () => {
    await setSecret(plane.ctx, plane.org, TESTER, 'OPENAI', 'sk-of-acme');
    await setSecret(plane.ctx, 'other', TESTER, 'OPENAI', 'sk-of-other');
    const root = await plane.ctx.db.query.selectFrom('root').select(['org', 'object']).execute();
    for (const [one, value] of [
      [device, 'sk-of-acme'],
      [stranger, 'sk-of-other'],
    ] as const) {
      const answer = await one.get('/v1/secrets');
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/jose');
      assert.equal(answer.headers['cache-control'], 'private, no-cache');
      assert.ok(!answer.body.includes(value));
      const opened = await unseal(answer.body.toString('utf8'), one.keys.seal);
      const signed: unknown = JSON.parse(opened?.toString('utf8') ?? '');
      const object = root.find(({ org }) => org === one.org)?.object ?? '';
      const { payload } = JSON.parse(object) as { payload: string };
      const { keys } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
        keys: { freshness: { kty: 'OKP'; crv: 'Ed25519'; x: string }[] };
      };
      const verified = await verifyObject('secrets', signed, keys.freshness);
      assert.ok(verified.ok);
      const secrets = parsePayload(secretsPayload, verified.payload);
      assert.equal(secrets?.device, one.id);
      assert.equal(secrets?.values['OPENAI'], value);
      assert.equal((await one.get('/v1/secrets', { 'if-none-match': String(answer.headers.etag) })).status, 304);
    }
    const mine = await device.get('/v1/secrets');
    assert.equal(await unseal(mine.body.toString('utf8'), stranger.keys.seal), undefined);
  });

  test('an answer is the same however the question is put', async () => {
    const path = '/v1/o/acme/root/1';
    const plain = await anyone(path);
    assert.ok((await anyone(`${path}?a=b`)).body.equals(plain.body));
    assert.ok((await device.get(`${path}?`)).body.equals(plain.body));
    // Bodies are small or compressed already: nobody's wish for a coding is obeyed.
    const wished = await anyone(path, { 'accept-encoding': 'gzip, br, zstd' });
    assert.equal(wished.headers['content-encoding'], undefined);
    assert.notDeepEqual(wished.body, gzipSync(plain.body));
  });
});
