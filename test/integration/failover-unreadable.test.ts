// SPDX-License-Identifier: Apache-2.0
// An answer that cannot be read whole must not be said anew as if it were. The fallback speaks another dialect and is a plain server here,
// because what it sends is no provider's wire.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { send } from '../fakes/provider/client.ts';
import { gatewayToken } from './daemon-kit.ts';

const event = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const START = event('message_start', {
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'c',
    usage: { input_tokens: 1, output_tokens: 0 },
  },
});
const BLOCK = event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const text = (words: string) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: words } });
const END =
  event('content_block_stop', { index: 0 }) +
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }) +
  event('message_stop', {});
const HOLE = 'event: content_block_delta\ndata: {"type":"content_bl\n\n';
const WHOLE = {
  type: 'message',
  id: 'm',
  role: 'assistant',
  model: 'c',
  content: [{ type: 'text', text: 'x' }],
  stop_reason: 'end_turn',
};

/** By model: what the fallback answers. */
const PLAYS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  well: (response) => stream(response, START + BLOCK + text('first') + text('third') + END),
  hole: (response) => stream(response, START + BLOCK + text('first') + HOLE + text('third') + END),
  'hole-and-cut': (response) => stream(response, START + BLOCK + text('first') + HOLE + text('third')),
  coding: (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'snappy' });
    response.end(JSON.stringify(WHOLE));
  },
  'no-gzip': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(JSON.stringify(WHOLE));
  },
};

function stream(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(body);
}

const fallback = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.once('end', () => {
    const { model } = JSON.parse(Buffer.concat(parts).toString()) as { model: string };
    PLAYS[model]?.(response);
  });
});
let agent: Agent;
before(async () => {
  fallback.listen(0, '127.0.0.1');
  await once(fallback, 'listening');
  const { port } = fallback.address() as AddressInfo;
  agent = await startAgent({
    config: `providers:
  - { name: gone, type: openai, base_url: "http://127.0.0.1:1/v1", api_key: k1 }
  - { name: claude, type: anthropic, base_url: "http://127.0.0.1:${port}", api_key: k2 }
routes:
  - { id: r, model: "*", fallbacks: [{ provider: gone }, { provider: claude }] }
`,
  });
});
after(async () => {
  await agent?.stop();
  fallback.closeAllConnections();
  fallback.close();
});

function ask(model: string, streamed: boolean) {
  return send({
    url: `${agent.ready.gateway_url}/gone/v1/chat/completions`,
    headers: { 'content-type': 'application/json', authorization: 'Bearer app', ...gatewayToken(agent.dataDir) },
    body: JSON.stringify({ model, stream: streamed, messages: [{ role: 'user', content: 'q' }] }),
  });
}

test('what can be read whole ends whole', async () => {
  const seen = await ask('well', true);
  assert.deepEqual([seen.status, seen.end], [200, 'clean']);
  assert.match(seen.body.toString(), /"finish_reason":"stop"[\s\S]*data: \[DONE\]/);
});

for (const model of ['hole', 'hole-and-cut']) {
  test(`${model}: a stream that has an event which cannot be read ends visibly broken`, async () => {
    const seen = await ask(model, true);
    assert.equal(seen.status, 200);
    assert.notEqual(seen.end, 'clean');
    assert.match(seen.body.toString(), /OUT_UPSTREAM_BROKEN/);
    assert.doesNotMatch(seen.body.toString(), /\[DONE\]/);
  });
}

for (const model of ['coding', 'no-gzip']) {
  test(`${model}: an answer whose bytes cannot be decoded is no answer`, async () => {
    const seen = await ask(model, false);
    assert.equal(seen.status, 503);
    assert.match(String(seen.headers['x-outpost-attempts-detail']), /claude=bad-answer/);
  });
}
