// SPDX-License-Identifier: Apache-2.0
// Calls without a route, on a running daemon: whatever the provider answers reaches the caller as it is, errors and limits included, and
// the provider gets the caller's bytes. The same provider asked without the daemon is the judge.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Seen, send } from '../fakes/provider/client.ts';
import { gatewayToken } from './daemon-kit.ts';
import { type Bench, type Dialect, question, startBench } from './failover-chain-kit.ts';
import { rawCall } from './raw-call.ts';

const TYPES: Readonly<Partial<Record<Dialect, string>>> = {
  chat: 'openai',
  responses: 'openai',
  messages: 'anthropic',
  gemini: 'gemini',
  converse: 'bedrock',
  cohere: 'cohere',
  ollama: 'ollama',
};
const FAULTS = ['', 'status=400', 'status=401', 'status=429; retry-after=17', 'status=500', 'status=529'];

let bench: Bench;
before(async () => {
  const sets = Object.entries(TYPES).map(([dialect, type]) => {
    return [dialect, { types: [type], providers: [{ api_key: 'client' }], route: null }] as const;
  });
  bench = await startBench({
    ...Object.fromEntries(sets),
    first: {},
    raw: { types: ['openai'], providers: [{ api_key: 'client' }], route: null },
  });
});
after(() => bench?.stop());

/** Of the moment, of the connection, or of ours. */
const PASSING = /^(?:date|connection|keep-alive|transfer-encoding|anthropic-ratelimit-.*-reset|x-outpost-.*)$/;

function essence({ status, headers, body, end }: Seen): unknown {
  const kept = Object.entries(headers).filter(([name]) => !PASSING.test(name));
  // Ids carry the number of the request, and so their length may differ.
  const plain = (text: string): string => text.replaceAll(/sim[-_]?\d+|"created(?:_at)?":\s*[^,]+/g, 'ID');
  const words = kept.flatMap(([name, value]) =>
    name === 'content-length' ? [] : [`${name}: ${plain(String(value))}`],
  );
  return { status, end, headers: words.sort(), body: plain(body.toString('latin1')) };
}

for (const dialect of Object.keys(TYPES) as Dialect[]) {
  describe(dialect, () => {
    for (const stream of [false, true]) {
      test(`${stream ? 'streams' : 'whole answers'} and errors come as they are`, async () => {
        const [server] = bench.of(dialect);
        for (const fault of FAULTS) {
          server.misbehave(fault);
          const through = await bench.ask(dialect, { dialect, stream });
          const { path, body } = question(`m-${dialect}`, { dialect, stream });
          const headers = { 'content-type': 'application/json', authorization: 'Bearer k', 'x-api-key': 'k' };
          const own = await send({
            url: `${server.origin}${path}`,
            headers: { ...headers, 'x-goog-api-key': 'k' },
            body: JSON.stringify(body),
          });
          assert.deepEqual(essence(through), essence(own), fault);
          assert.equal(through.headers['x-should-retry'], undefined);
          assert.equal(through.headers['x-outpost-attempts'], '1');
        }
        // Nothing is asked twice, nothing is refused for what came before.
        assert.equal(server.requests.length, FAULTS.length * 2 * (stream ? 2 : 1));
      });
    }
  });
}

test('the first target of a route answers with its own headers, too', async () => {
  const [server] = bench.of('first');
  const through = await bench.ask('first');
  const { path, body } = question('m-first', {});
  const own = await send({
    url: `${server.origin}${path}`,
    headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.deepEqual(essence(through), essence(own));
});

test('the provider gets the caller’s bytes, and its headers in their order and spelling', async () => {
  const body = '{ "model" :"m-raw",\t"messages":[{"role":"user","content":"\\u0068i \\/ "}] , "x_unknown":1e2 }';
  const [server] = bench.of('raw');
  const [[name, token] = ['', '']] = Object.entries(gatewayToken(bench.agent.dataDir));
  const lines = [
    ['AUTHORIZATION', 'Bearer  two  spaces'],
    ['Content-Type', 'application/json;charset=UTF-8'],
    ['X-Twice', '1'],
    ['x-twice', '2'],
    ['Cookie', 'a=b'],
    ['X-Stainless-Lang', 'js'],
    ['Content-Length', String(Buffer.byteLength(body))],
  ];
  const head = lines.map(([key, value]) => `${key}: ${value}\r\n`).join('');
  const call = rawCall(
    bench.agent.gatewayPort,
    `POST /raw-1/v1/chat/completions?b=%2F&a HTTP/1.1\r\nHost: 127.0.0.1:${bench.agent.gatewayPort}\r\n${name}: ${token}\r\n${head}Connection: close\r\n\r\n${body}`,
  );
  await call.until(/Simulated echo: hi/);
  await call.ended;
  const seen = server.requests[0];
  assert.equal(seen?.target, '/v1/chat/completions?b=%2F&a');
  assert.equal(seen.body.toString(), body);
  const got: string[][] = [];
  for (let at = 0; at < seen.rawHeaders.length; at += 2) got.push(seen.rawHeaders.slice(at, at + 2));
  const own = got.filter(([key = '']) => !/^(?:host|connection|content-length)$/i.test(key));
  assert.deepEqual(own, lines.slice(0, -1));
});
