// SPDX-License-Identifier: Apache-2.0
// The end of a chain that nobody answered, on a running daemon: one error in the caller's dialect with the status of its class, and not
// one word of what the providers said.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { callApi } from '../../src/proxy/commands/running.ts';
import type { Seen } from '../fakes/provider/client.ts';
import { type Bench, type Dialect, onDisk, receivedFrom, type SetPlan, startBench } from './failover-chain-kit.ts';

type Body = Readonly<Record<string, never>>;

/** By dialect: the types of two providers, and what an error of each status looks like. */
const DIALECTS: Readonly<
  Record<Exclude<Dialect, 'embeddings'>, { types: readonly string[]; check: (seen: Seen, status: number) => void }>
> = {
  chat: { types: ['openai', 'anthropic'], check: openai },
  responses: { types: ['openai', 'anthropic'], check: openai },
  messages: {
    types: ['anthropic', 'openai'],
    check(seen, status) {
      const body = bodyOf(seen);
      assert.equal(body['type'], 'error');
      const type = { 429: 'rate_limit_error', 502: 'api_error', 503: 'overloaded_error', 504: 'timeout_error' }[status];
      const error = body['error'] as { type: string; message: string } | undefined;
      assert.ok(error !== undefined);
      assert.ok(error.type === type || error.type === 'api_error', error.type);
      said(error.message);
    },
  },
  gemini: {
    types: ['gemini', 'openai'],
    check(seen, status) {
      const { error } = bodyOf(seen) as { error?: { code: number; message: string; status: string } };
      assert.equal(error?.code, status);
      assert.match(error.status, /^[A-Z_]+$/);
      said(error.message);
    },
  },
  converse: {
    types: ['bedrock', 'anthropic'],
    check(seen) {
      said((bodyOf(seen) as { message?: string }).message);
      assert.match(String(seen.headers['x-amzn-errortype']), /^[A-Za-z]+Exception/);
    },
  },
  cohere: { types: ['cohere', 'openai'], check: (seen) => said((bodyOf(seen) as { message?: string }).message) },
  ollama: { types: ['ollama', 'openai'], check: (seen) => said((bodyOf(seen) as { error?: string }).error) },
};

function bodyOf(seen: Seen): Body {
  return JSON.parse(seen.body.toString()) as Body;
}

function openai(seen: Seen): void {
  const { error } = bodyOf(seen) as { error?: { message: string; type: string; code: string } };
  assert.ok(error !== undefined);
  assert.match(error.type, /^[a-z_]+$/);
  said(error.message);
}

/** A sentence of ours, by which the call can be found again. */
function said(message: string | undefined): void {
  assert.match(message ?? '', /\(Outpost dec_[\w-]+\)$/);
  assert.doesNotMatch(message ?? '', /imulated/);
}

/** Fault of both, status, class, Retry-After at most. */
const ENDS: readonly (readonly [string, number, string, number | undefined])[] = [
  ['status=429; retry-after=300', 429, 'rate-limit', 300],
  ['status=403', 502, 'credential', undefined],
  ['status=500', 503, 'transient', undefined],
  ['hang=body', 504, 'hang', undefined],
];

const SECRET = 'sk-planted-in-an-upstream-error';
const teller = createServer((_request, response) => {
  const error = { message: `Incorrect key ${SECRET} for org-${SECRET}`, type: SECRET, code: SECRET, status: SECRET };
  response.writeHead(500, SECRET, {
    'content-type': 'application/json',
    'x-request-id': 'id-of-the-teller',
    'x-debug': SECRET,
    'x-ratelimit-remaining-tokens': SECRET,
    'set-cookie': `a=${SECRET}`,
  });
  response.end(JSON.stringify({ type: 'error', message: SECRET, error }));
});

const sets: Record<string, SetPlan> = {};
for (const [dialect, { types }] of Object.entries(DIALECTS)) {
  for (const [at, [fault]] of ENDS.entries()) {
    const routing = fault.startsWith('hang') ? { timeouts: { first_content_ms: 300, total_ms: 300 } } : {};
    sets[`${dialect}-${at}`] = { types, routing };
  }
}

let bench: Bench;
before(async () => {
  teller.listen(0, '127.0.0.1');
  await once(teller, 'listening');
  const origin = `http://127.0.0.1:${(teller.address() as AddressInfo).port}`;
  for (const [dialect, { types }] of Object.entries(DIALECTS)) {
    const urls = types.map((type) => ({ base_url: type === 'openai' ? `${origin}/v1` : origin }));
    sets[`teller-${dialect}`] = { types, providers: urls };
  }
  bench = await startBench(sets, {
    // Who says no time is out for longer than one that does.
    routing: { retry: { transient: 0 }, rate_limit: { default_ms: 600_000 } },
  });
});
after(async () => {
  await bench?.stop();
  teller.closeAllConnections();
  teller.close();
});

for (const [dialect, { types, check }] of Object.entries(DIALECTS) as [Dialect, (typeof DIALECTS)['chat']][]) {
  describe(dialect, () => {
    for (const [at, [fault, status, failure, retryAfter]] of ENDS.entries()) {
      const stream = (at + types.indexOf('openai')) % 2 === 0;
      test(`${fault}, ${stream ? 'stream' : 'whole'}: ${status}`, async () => {
        const id = `${dialect}-${at}`;
        for (const server of bench.of(id)) server.misbehave(fault);
        const seen = await bench.ask(id, { dialect, stream, text: `of ${id}` });
        assert.equal(seen.status, status, seen.body.toString());
        assert.equal(seen.end, 'clean');
        assert.match(String(seen.headers['content-type']), /^application\/json/);
        assert.equal(seen.headers['x-should-retry'], 'false');
        // The sooner of two, less what has passed of it; one of each pair says it in the header.
        const told = Number(seen.headers['retry-after']);
        if (retryAfter !== undefined) assert.ok(told > retryAfter / 2 && told <= retryAfter, String(told));
        const detail = types.map((_, n) => `${id}-${n + 1}=${failure}`).join(',');
        assert.equal(seen.headers['x-outpost-attempts-detail'], detail);
        check(seen, status);
      });
    }

    test('a secret in the words of the providers goes nowhere', async () => {
      const seen = await bench.ask(`teller-${dialect}`, { dialect });
      assert.equal(seen.status, 503);
      assert.equal(
        seen.headers['x-outpost-attempts-detail'],
        `teller-${dialect}-1=transient,teller-${dialect}-2=transient`,
      );
      check(seen, 503);
      assert.doesNotMatch(receivedFrom(seen), new RegExp(SECRET));
      const rows = await bench.rowsFor(seen);
      assert.equal(rows.filter(({ kind }) => kind === 'attempt').length, 2);
      assert.doesNotMatch(JSON.stringify(rows), new RegExp(SECRET));
    });
  });
}

test('of all that, nothing of the secret stands in the log, in the files, in the state or the metrics', async () => {
  const { agent } = bench;
  const state = JSON.stringify(await callApi(agent.dataDir, agent.ready, 'GET', '/v1/state'));
  assert.match(state, /teller-chat-1/);
  assert.doesNotMatch(state, new RegExp(SECRET));
  // All of it is written when the daemon has ended.
  await agent.kill('SIGTERM');
  assert.match(agent.log(), /teller-chat-1/);
  assert.doesNotMatch(agent.log(), new RegExp(SECRET));
  assert.match(onDisk(agent.dataDir), /teller-chat-1/);
  assert.doesNotMatch(onDisk(agent.dataDir), new RegExp(SECRET));
});
