// SPDX-License-Identifier: Apache-2.0
// Bench upstream: the cheapest TLS and plain server that answers like an OpenAI provider. Its own process, so that its CPU is not
// the proxies'. `POST …/chat/completions` → 1 KB JSON; with `"stream":true` → SSE, events stamped with the send time.

import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeTestCa } from '../fakes/pki.ts';

const ca = makeTestCa();
const names = ['localhost', '127.0.0.1', 'api.openai.com', '*.bench.test'];
const identity = ca.issue({ names });

const json = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'gpt-bench',
    choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(760) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 },
  }),
);

/** Wall clock shared by all processes of the machine, microseconds resolution. */
const stamp = (): number => performance.timeOrigin + performance.now();

function stream(response: ServerResponse, events: number, gapMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    if (sent === events) {
      clearInterval(timer);
      response.write(
        'data: {"id":"s","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
      );
      response.end('data: [DONE]\n\n');
      return;
    }
    sent += 1;
    response.write(
      `data: {"id":"s","object":"chat.completion.chunk","sent":${stamp()},"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n`,
    );
  }, gapMs);
  response.on('close', () => clearInterval(timer));
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const events = request.headers['x-bench-events'];
    if (events !== undefined) return stream(response, Number(events), Number(request.headers['x-bench-gap']));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': json.length });
    response.end(json);
  });
}

const secure = createTls({ key: identity.key, cert: identity.chain }, handle);
const plain = createPlain(handle);
for (const server of [secure, plain]) {
  server.keepAliveTimeout = 120_000;
  server.on('connection', (socket) => socket.setNoDelay(true));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
process.send?.({
  port: (secure.address() as AddressInfo).port,
  plainPort: (plain.address() as AddressInfo).port,
  ca: ca.cert,
  key: identity.key,
  chain: identity.chain,
});
