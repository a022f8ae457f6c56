// SPDX-License-Identifier: Apache-2.0
// `outpost override` and the address of the local API behind it: who may try a code, what is no code, and what is said of each outcome.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { API_TOKEN_FILE, type Ready, RUN_FILE } from '../../src/contract/data-files.ts';
import type { OverrideAnswer } from '../../src/contract/local-api.ts';
import { OVERRIDE_REFUSALS, overrideAnswer } from '../../src/contract/local-api.ts';
import { type CommandResult, runOutpost } from '../fakes/agent.ts';
import { bearer, codeOf, startTestApi, TOKEN } from './local-api-harness.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'outpost-override-'));
const codes: string[] = [];
let answer: OverrideAnswer | undefined;
let api: Awaited<ReturnType<typeof startTestApi>>;
before(async () => {
  api = await startTestApi();
  api.agent.override = (code) => {
    codes.push(code);
    return answer;
  };
  const { url } = api.api;
  const ready: Ready = {
    proxy_url: url,
    gateway_url: url,
    api_url: url,
    ca_path: '/',
    pid: process.pid,
    version: '1.0.0',
  };
  writeFileSync(join(dataDir, RUN_FILE), JSON.stringify(ready));
  writeFileSync(join(dataDir, API_TOKEN_FILE), TOKEN);
});
after(async () => {
  await api?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const override = (...words: readonly string[]): Promise<CommandResult> =>
  runOutpost(['override', ...words, '--data-dir', dataDir]);

describe('the command', () => {
  test('says until when the rules are lifted', async () => {
    answer = { ok: true, until: Date.UTC(2030, 0, 1, 12) };
    const { code, stdout, stderr } = await override('1234', '56-78');
    assert.deepEqual([code, stderr, codes.splice(0)], [0, '', ['12345678']]);
    assert.equal(stdout, 'the organisation’s rules are lifted until 2030-01-01T12:00:00.000Z; this is recorded\n');
  });

  test('says why a code does not count, and not which it was', async () => {
    for (const why of OVERRIDE_REFUSALS) {
      answer = { ok: false, why };
      const { code, stdout, stderr } = await override('87654321');
      assert.deepEqual([code, stdout], [1, ''], why);
      assert.match(stderr, /^outpost override: [^\n]+\n$/);
      assert.ok(!stderr.includes('87654321'));
    }
    codes.length = 0;
  });

  test('a device in no organisation, and a daemon that is down: code 3', async () => {
    answer = undefined;
    const alone = await override('12345678');
    assert.deepEqual([alone.code, alone.stdout], [3, '']);
    assert.match(alone.stderr, /^this device is not in an organisation/);
    const down = await runOutpost(['override', '12345678', '--data-dir', join(dataDir, 'nothing')]);
    assert.equal(down.code, 3);
    assert.match(down.stderr, /^outpostd is not running on /);
    codes.length = 0;
  });

  test('what is no code is not sent: one line and code 2', async () => {
    for (const words of [[], ['1234567'], ['123456789'], ['abcdefgh'], ['１２３４５６７８']]) {
      const { code, stdout, stderr } = await override(...words);
      assert.deepEqual(
        [code, stdout, stderr],
        [2, '', 'outpost override: a code has 8 digits; see outpost override --help\n'],
      );
    }
    assert.deepEqual(codes, []);
  });
});

describe('POST /v1/override', () => {
  const post = (body: string | undefined, headers: Readonly<Record<string, string>> = bearer, path = '/v1/override') =>
    api.ask(path, { method: 'POST', headers, ...(body !== undefined && { body }) });

  test('hands the code on and gives the answer back', async () => {
    answer = { ok: false, why: 'wrong' };
    const got = await post('{"code":"00000000"}');
    assert.deepEqual([got.status, overrideAnswer.parse(JSON.parse(got.body))], [200, answer]);
    assert.deepEqual(codes.splice(0), ['00000000']);
  });

  test('only for who can read the token: a signed-in page cannot try codes', async () => {
    const cookie = await api.cookieOf();
    for (const headers of [{}, { cookie }, { authorization: 'Bearer wrong' }]) {
      assert.equal((await post('{"code":"00000000"}', headers)).status, 401);
    }
    assert.equal((await api.ask('/v1/override', { headers: bearer })).status, 405);
    assert.deepEqual(codes, []);
  });

  test('bodies that are none are refused before anybody looks', async () => {
    for (const body of [
      undefined,
      '',
      '{}',
      'null',
      '[]',
      '"12345678"',
      '{"code":12345678}',
      '{"code":"1234567"}',
      '{"code":"12345678 "}',
      '{"code":"12345678","until":1}',
      '{"code":"12345678"',
    ]) {
      const got = await post(body);
      assert.deepEqual([got.status, codeOf(got)], [400, 'bad-body'], String(body));
    }
    assert.equal((await post(`{"code":"${' '.repeat(5_000)}12345678"}`)).status, 413);
    assert.equal(codeOf(await post('{"code":"12345678"}', bearer, '/v1/override?code=12345678')), 'bad-query');
    assert.deepEqual(codes, []);
  });
});

test('an agent that knows of no organisation: 404', async (t) => {
  const bare = await startTestApi();
  t.after(() => bare.close());
  const got = await bare.ask('/v1/override', { method: 'POST', headers: bearer, body: '{"code":"12345678"}' });
  assert.deepEqual([got.status, codeOf(got)], [404, 'no-organisation']);
});
