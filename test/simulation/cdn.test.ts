// SPDX-License-Identifier: Apache-2.0
// What a content delivery network may do with the control plane's answers: a real cache over HTTP that obeys `cache-control` and nothing else,
// between real devices and a real server. docs/scaling.md says so to operators.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { FreshPayload } from '../../src/contract/sync/objects.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { FakeClock } from '../fakes/clock.ts';
import { startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { type Answer, send } from '../fakes/device.ts';

/** Keyed by the path alone, for the first time of `max-age`; the test's clock stands still, so that nothing grows old. */
async function startCache(t: TestContext, origin: string) {
  const kept = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url ?? '/';
      const answer = kept.get(path) ?? (await forward(path, request.headers));
      const held = request.headers['if-none-match'] === answer.headers.etag && answer.headers.etag !== undefined;
      response.writeHead(held ? 304 : answer.status, answer.headers);
      response.end(held ? undefined : answer.body);
    })();
  });
  async function forward(path: string, { 'if-none-match': _, ...headers }: IncomingHttpHeaders): Promise<Answer> {
    asked.push(path);
    const sent = headers as Record<string, string>;
    const answer = await send(origin, { method: 'GET', path, headers: sent, body: Buffer.alloc(0) });
    const caching = answer.headers['cache-control'] ?? '';
    if (answer.status === 200 && /^public, max-age=[1-9]/.test(caching)) kept.set(path, answer);
    return answer;
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a cache asks once for a document and a bundle, for any number of signed devices, and never keeps secrets', async (t) => {
  const plane = await startControlPlane({ clock: new FakeClock() });
  t.after(() => plane.close());
  const version = await saveDraft(plane.ctx, plane.org, TESTER, { config: '{}', files: {}, note: '' });
  await publish(plane.ctx, plane.org, TESTER, version, { stage: 100 });
  const devices = [await plane.enrolled(), await plane.enrolled(), await plane.enrolled()];
  const cache = await startCache(t, plane.url);
  const bundles: Answer[] = [];
  for (const device of devices) {
    device.url = cache.url;
    const fresh = await device.get(device.freshPath());
    assert.equal(fresh.status, 200);
    const { payload } = fresh.json<{ payload: string }>();
    const { bundle } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as FreshPayload;
    assert.equal(bundle?.version, version);
    const path = `/v1/o/${plane.org}/b/${bundle.sha256}`;
    const answer = await device.get(path);
    assert.equal(answer.status, 200);
    bundles.push(answer);
    const again = await device.get(path, { 'if-none-match': `"${bundle.sha256}"` });
    assert.equal(again.status, 304);
    await device.get('/v1/secrets');
  }
  const times = (part: string): number => cache.asked.filter((path) => path.includes(part)).length;
  assert.equal(times('/b/'), 1);
  assert.equal(times('/fresh'), new Set(devices.map(({ ring }) => ring)).size);
  assert.equal(times('/v1/secrets'), devices.length, 'sealed to each');
  const [{ headers } = { headers: {} as IncomingHttpHeaders }] = bundles;
  assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(headers['content-type'], 'application/zstd');
  // A coding, or an answer that varies by a header, would have a cache keep several, or undo what the hash is of.
  for (const name of ['vary', 'set-cookie', 'content-encoding', 'transfer-encoding'])
    assert.equal(headers[name], undefined, name);
});
