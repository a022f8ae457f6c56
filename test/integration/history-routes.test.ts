// SPDX-License-Identifier: Apache-2.0
// The addresses of the history: who may ask, which parameters there are, that answers have the form of the contract, and what is said where
// there is none.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { callDetail, callsPage, callsQuery, usageReport } from '../../src/contract/local-history.ts';
import { Unavailable } from '../../src/contract/unavailable.ts';
import { bearer, codeOf, startTestApi } from './local-api-harness.ts';

const { api, agent, ask, cookieOf, close } = await startTestApi();
after(close);
const PATHS = ['/v1/usage', '/v1/calls', '/v1/calls/req-1'];

test('the token and a signed-in page may ask, nobody else', async () => {
  const headers = { cookie: await cookieOf() };
  for (const path of PATHS) {
    assert.equal((await ask(path)).status, 401, path);
    assert.equal((await ask(path, { headers: bearer })).status, 200, path);
    assert.equal((await ask(path, { headers })).status, 200, path);
    assert.equal((await ask(path, { headers: bearer, method: 'POST' })).status, 405, path);
  }
});

test('answers fit their schemas', async () => {
  const get = async (path: string) => JSON.parse((await ask(path, { headers: bearer })).body) as unknown;
  assert.equal(usageReport.parse(await get('/v1/usage')).days.length, 7);
  assert.equal(callsPage.parse(await get('/v1/calls?decision=blocked')).calls.length, 1);
  assert.equal(callDetail.parse(await get('/v1/calls/req-2')).call.decision, 'blocked');
});

test('a parameter is taken or refused as the contract says', async () => {
  for (const query of [
    {},
    { text: 'a b&c=ü%' },
    { text: 'x'.repeat(128) },
    { text: '\n' },
    { text: '' },
    { text: 'x'.repeat(129) },
    { decision: 'allowed' },
    { decision: 'blocked' },
    { decision: 'lost' },
    { decision: '' },
    { before: '17.4' },
    { before: 'A' },
    { before: '' },
    { before: '1'.repeat(65) },
    { limit: '5' },
    { text: 'x', decision: 'allowed', before: '1.1' },
  ]) {
    const path = `/v1/calls?${new URLSearchParams(query as Record<string, string>)}`;
    const got = await ask(path, { headers: bearer });
    assert.equal(got.status, callsQuery.safeParse(query).success ? 200 : 400, path);
    if (got.status === 400) assert.equal(codeOf(got), 'bad-query');
  }
  for (const path of ['/v1/usage?x=1', '/v1/calls/req-1?x=1']) {
    assert.equal((await ask(path, { headers: bearer })).status, 400, path);
  }
});

test('a call that is not there is not found, whatever the id is', async () => {
  for (const id of ['none', 'x'.repeat(128), 'x'.repeat(129), '..', '%2e', 'a/b', '']) {
    assert.equal((await ask(`/v1/calls/${id}`, { headers: bearer })).status, 404, id);
  }
});

test('what cannot be told now is 503, with the time after which to ask again', async (t) => {
  const { usage, calls, callDetail: call } = agent;
  t.after(() => Object.assign(agent, { usage, calls, callDetail: call }));
  for (const [why, code] of [
    ['busy', 'too-many'],
    ['failed', 'unavailable'],
  ] as const) {
    const no = () => Promise.reject(new Unavailable(why, 'a detail'));
    Object.assign(agent, { usage: no, calls: no, callDetail: no });
    for (const path of PATHS) {
      const got = await ask(path, { headers: bearer });
      assert.deepEqual([got.status, codeOf(got), got.headers['retry-after']], [503, code, '5'], path);
    }
  }
});

test('who has gone is no longer waited for', async (t) => {
  const { usage, calls, callDetail: call } = agent;
  t.after(() => Object.assign(agent, { usage, calls, callDetail: call }));
  for (const path of PATHS) {
    const asked = Promise.withResolvers<AbortSignal>();
    const wait = (gone: AbortSignal): Promise<never> => {
      asked.resolve(gone);
      return new Promise((_, reject) => gone.addEventListener('abort', () => reject(gone.reason)));
    };
    Object.assign(agent, {
      usage: wait,
      calls: (_: unknown, gone: AbortSignal) => wait(gone),
      callDetail: (_: unknown, gone: AbortSignal) => wait(gone),
    });
    const socket = connect(api.port, '127.0.0.1');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: ${bearer.authorization}\r\n\r\n`,
    );
    const gone = await asked.promise;
    const aborted = new Promise((resolve) => gone.addEventListener('abort', resolve));
    assert.equal(gone.aborted, false);
    socket.destroy();
    await aborted;
  }
});
