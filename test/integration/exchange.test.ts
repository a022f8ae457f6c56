// SPDX-License-Identifier: Apache-2.0
// The life of a call, seen from both ends at once: a raw client on the gateway of the real daemon, and the simulated provider.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Agent, runOutpost, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayToken, gatewayTokenLine } from './daemon-kit.ts';
import { untilStuck, writeUntilStuck } from './intercept-kit.ts';
import { postText, rawCall } from './raw-call.ts';

const provider = new SimulatedProvider();
let agent: Agent;

before(async () => {
  await provider.listen();
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${provider.origin}/v1" }
  - { name: claude, type: anthropic, base_url: "${provider.origin}", api_key: our-own-key }
  - { name: gemini, type: gemini, base_url: "${provider.origin}" }
routes:
  - { id: renamed, model: "fast", strategy: primary-fallback, fallbacks: [{ provider: openai, model: "gpt-4o" }] }
models:
  deny: ["forbidden-*"]
timeouts:
  first_content_ms: 5000
  idle_ms: 5000
`,
  });
});
after(async () => {
  await agent?.stop();
  await provider.close();
});

const chat = (model: string, more: object = {}): object => ({
  model,
  messages: [{ role: 'user', content: 'hello there' }],
  ...more,
});
const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  rawCall(agent.gatewayPort, postText(agent.gatewayPort, path, body, { ...gatewayToken(agent.dataDir), ...headers }));
const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

async function rows(): Promise<readonly { body: Record<string, unknown> }[]> {
  const { stdout } = await runOutpost(['audit', 'export', '--data-dir', agent.dataDir]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { body: Record<string, unknown> });
}

/** The row of this call; rows are written behind the answer. */
async function rowOf(kind: 'intent' | 'refusal' | 'outcome', request: string): Promise<Record<string, unknown>> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const found = (await rows()).find(({ body }) => body['kind'] === kind && body['request'] === request);
    if (found !== undefined) return found.body;
  }
  throw new Error(`no ${kind} row for ${request}`);
}
const outcomeOf = (request: string) => rowOf('outcome', request);

const requestId = (text: string): string => /x-outpost-request-id: (\S+)/i.exec(text)?.[1] ?? '';

// Each of them waits for its limit: side by side.
describe('a provider that falls silent', { concurrency: true }, () => {
  test('before content: lifecycle events alone show the caller not one byte', async () => {
    const call = post('/openai/v1/responses', { model: 'gpt-4o+stall=preamble', input: 'hi', stream: true });
    const seen = await provider.waitFor((request) => request.eventsSent > 0 && request.target === '/v1/responses');
    assert.equal(call.bytes().length, 0);
    // `first_content_ms` ends it with one clean error.
    const text = await call.until(/\r\n\r\n[\s\S]*OUT_UPSTREAM_TIMEOUT/);
    assert.match(text, /^HTTP\/1\.1 504 /);
    assert.equal(await call.ended, 'end');
    await provider.waitFor((request) => request.serial === seen.serial && request.state === 'client-left');
  });

  test('after content: it is given up after the idle time', async () => {
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+stall=4', { stream: true }));
    await call.ended;
    assert.match(call.text(), /data: \{"error":/);
    assert.equal((await outcomeOf(requestId(call.text())))['error'], 'OUT_UPSTREAM_TIMEOUT');
  });
});

describe('nothing reaches the caller before the first content event', () => {
  for (const fault of ['reset=head', 'close', 'empty', 'html', 'cut=preamble', 'truncate=preamble']) {
    test(`${fault}: one clean native error, no bytes of the provider`, async () => {
      const call = post('/openai/v1/chat/completions', chat(`gpt-4o+${fault}`, { stream: true }));
      assert.equal(await call.ended, 'end');
      assert.match(call.text(), /^HTTP\/1\.1 502 /);
      assert.match(call.text(), /"code":"OUT_UPSTREAM_/);
      assert.doesNotMatch(call.text(), /simulated/i);
      const outcome = await outcomeOf(requestId(call.text()));
      assert.equal(outcome['result'], 'failed');
    });
  }

  test('a JSON answer that breaks off is not passed on', async () => {
    // Half of it is more than is held of a stream.
    for (const size of ['', '+size=1']) {
      const call = post('/openai/v1/chat/completions', chat(`gpt-4o+truncate=1${size}`));
      assert.equal(await call.ended, 'end');
      assert.match(call.text(), /^HTTP\/1\.1 502 /);
    }
  });

  for (const status of [400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529]) {
    test(`the provider's own ${status} passes untouched`, async () => {
      const call = post('/claude/v1/messages', { ...chat(`claude-sonnet-4+status=${status}`), max_tokens: 10 });
      assert.equal(await call.ended, 'end');
      assert.match(call.text(), new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(call.text(), /"type":"error"/);
      assert.doesNotMatch(call.text(), /OUT_/);
    });
  }

  test('an in-band error before content is the provider’s word and ends cleanly', async () => {
    const call = post('/claude/v1/messages', {
      ...chat('claude-sonnet-4+error=preamble', { stream: true }),
      max_tokens: 10,
    });
    assert.equal(await call.ended, 'end');
    assert.match(call.text(), /event: error/);
    assert.equal((await outcomeOf(requestId(call.text())))['result'], 'failed');
  });
});

describe('after the first content', () => {
  const broken = [
    ['/openai/v1/chat/completions', chat('gpt-4o+cut=4', { stream: true }), /data: \{"error":/],
    ['/openai/v1/responses', { model: 'gpt-4o+cut=8', input: 'hi', stream: true }, /"type":"(response\.failed|error)"/],
    ['/claude/v1/messages', { ...chat('claude-sonnet-4+cut=6', { stream: true }), max_tokens: 9 }, /event: error/],
    ['/openai/v1/chat/completions', chat('gpt-4o+truncate=4', { stream: true }), /data: \{"error":/],
  ] as const;
  for (const [path, body, sign] of broken) {
    test(`${path} ${JSON.stringify(body).slice(0, 40)}: in-band error, then an abort, never a clean end`, async () => {
      const call = post(path, body);
      await call.ended;
      assert.match(call.text(), /^HTTP\/1\.1 200 /);
      assert.match(call.text(), sign);
      assert.doesNotMatch(call.text(), /\r\n0\r\n\r\n$/, 'the last chunk would look like a clean end');
      const outcome = await outcomeOf(requestId(call.text()));
      assert.equal(outcome['result'], 'broken');
    });
  }

  test('a client that leaves is seen by the provider, and not called a failure', async (t) => {
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+gap=20+pieces=500+size=1', { stream: true }));
    const text = await call.until(/"content":/);
    const left = performance.now();
    call.socket.destroy();
    await provider.waitFor(
      (request) => request.state === 'client-left' && /gap=20\+pieces=500/.test(request.body.toString()),
    );
    t.diagnostic(`${(performance.now() - left).toFixed(0)} ms; the goal is 100`);
    assert.equal((await outcomeOf(requestId(text)))['result'], 'cancelled');
  });

  test('a client that leaves before any answer is seen too', async () => {
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+hang=head+retry-after=77'));
    const seen = await provider.waitFor((request) => /retry-after=77/.test(request.body.toString()));
    call.socket.destroy();
    await provider.waitFor((request) => request.serial === seen.serial && request.state === 'client-left');
  });
});

describe('bytes', () => {
  test('the provider gets the caller’s body and headers in their order and case', async () => {
    const body =
      '{ "messages":[{"role":"user","content":"\\u00e9 é 👋 \\/ 1e2"}],\r\n\t"model" : "gpt-4o", "z":1.0, "a":[ ] }';
    const call = rawCall(
      agent.gatewayPort,
      `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}X-ZZ-Last: 1\r\nauthorization: Bearer app-key\r\nX-StainLess-Lang: js\r\nContent-Type: application/json; charset=utf-8\r\nX-Dup: a\r\nX-Dup: b\r\nConnection: close, X-Hop\r\nX-Hop: gone\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    assert.equal(await call.ended, 'end');
    assert.match(call.text(), /^HTTP\/1\.1 200 /);
    const seen = await provider.waitFor((request) => request.bodySha256 === sha(body));
    const names = seen.rawHeaders.filter((_, index) => index % 2 === 0);
    assert.deepEqual(
      names.filter((name) => !/^(host|connection|content-length)$/i.test(name)),
      ['X-ZZ-Last', 'authorization', 'X-StainLess-Lang', 'Content-Type', 'X-Dup', 'X-Dup'],
    );
  });

  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    test(`a ${encoding} body is read, governed and passed on as it was sent`, async () => {
      const allowed = compress(Buffer.from(JSON.stringify(chat('gpt-4o'))));
      const head = (length: number): string =>
        `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}authorization: Bearer app-key\r\ncontent-type: application/json\r\ncontent-encoding: ${encoding}\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;
      const call = rawCall(agent.gatewayPort, Buffer.concat([Buffer.from(head(allowed.length)), allowed]));
      await call.ended;
      await provider.waitFor((request) => request.bodySha256 === sha(allowed));
      const denied = compress(Buffer.from(JSON.stringify(chat('forbidden-one'))));
      const refused = rawCall(agent.gatewayPort, Buffer.concat([Buffer.from(head(denied.length)), denied]));
      await refused.ended;
      assert.match(refused.text(), /^HTTP\/1\.1 400 [\s\S]*OUT_BLOCKED_MODEL/);
    });
  }

  for (const encoding of ['gzip', 'br', 'zstd', 'deflate']) {
    test(`a ${encoding} answer stream passes byte for byte and is understood`, async () => {
      const call = post(
        '/openai/v1/chat/completions',
        chat(`gpt-4o+encoding=${encoding}`, { stream: true, stream_options: { include_usage: true } }),
      );
      assert.equal(await call.ended, 'end');
      assert.match(call.text(), new RegExp(`content-encoding: ${encoding}`, 'i'));
      const outcome = await outcomeOf(requestId(call.text()));
      assert.equal(outcome['result'], 'complete');
      assert.ok(Number(outcome['output_tokens']) > 0);
    });
  }

  test('an answer split at every byte arrives whole', async () => {
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+split=1', { stream: true }));
    assert.equal(await call.ended, 'end');
    assert.match(call.text().replace(/\r\n1\r\n([\s\S])/g, '$1'), /\[DONE\]/);
    assert.equal((await outcomeOf(requestId(call.text())))['result'], 'complete');
  });

  test('informational answers and trailers pass', async () => {
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+hints+trailers', { stream: true }));
    assert.equal(await call.ended, 'end');
    assert.match(call.text(), /^HTTP\/1\.1 103 [\s\S]*HTTP\/1\.1 200 /);
    assert.match(call.text(), /\r\n0\r\n[^\r]+: [\s\S]*\r\n\r\n$/);
  });

  test('100-continue: the caller is told to go on, the provider gets the body', async () => {
    const body = JSON.stringify(chat('gpt-4o', { user: 'continue' }));
    const call = rawCall(
      agent.gatewayPort,
      `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}authorization: Bearer app-key\r\ncontent-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    await call.until(/^HTTP\/1\.1 100 /);
    call.socket.write(body);
    await call.ended;
    assert.match(call.text(), /HTTP\/1\.1 200 /);
  });

  test('a chunked request body is passed on whole', async () => {
    const body = JSON.stringify(chat('gpt-4o', { user: 'chunked' }));
    const call = rawCall(
      agent.gatewayPort,
      `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}authorization: Bearer app-key\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`,
    );
    await call.ended;
    await provider.waitFor((request) => request.bodySha256 === sha(body));
  });

  test('a route changes the model and nothing else', async () => {
    const sent = '{"stream":false, "model":"fast" ,"messages":[{"role":"user","content":"route me"}]}';
    const call = post('/openai/v1/chat/completions', sent);
    await call.ended;
    assert.match(call.text(), /x-outpost-model: gpt-4o/i);
    await provider.waitFor((request) => request.bodySha256 === sha(sent.replace('"fast"', '"gpt-4o"')));
  });
});

describe('credentials', () => {
  test('a configured key replaces the caller’s, everywhere', async () => {
    const call = post(
      '/claude/v1/messages?key=query-key',
      { ...chat('claude-sonnet-4', { user: 'creds' }), max_tokens: 9 },
      { cookie: 'session=app-cookie' },
    );
    await call.ended;
    const seen = await provider.waitFor((request) => /creds/.test(request.body.toString()));
    const sent = seen.rawHeaders.join('\n') + seen.target;
    assert.match(sent, /our-own-key/);
    assert.doesNotMatch(sent, /app-key|app-cookie|query-key/);
    assert.doesNotMatch(agent.log(), /our-own-key|app-key/);
  });
});

describe('refusals', () => {
  const cases = [
    ['openai chat', '/openai/v1/chat/completions', chat('forbidden-one'), /"error":\{"message":/],
    [
      'openai chat stream',
      '/openai/v1/chat/completions',
      chat('forbidden-one', { stream: true }),
      /"error":\{"message":/,
    ],
    ['anthropic', '/claude/v1/messages', { ...chat('forbidden-one'), max_tokens: 1 }, /"type":"error"/],
    ['gemini', '/gemini/v1beta/models/forbidden-one:generateContent', { contents: [] }, /"status":/],
    ['images', '/openai/v1/images/generations', { model: 'forbidden-one', prompt: 'x' }, /"error":/],
    ['not JSON', '/openai/v1/chat/completions', 'model=gpt-4o', /OUT_UNREADABLE_BODY/],
  ] as const;
  for (const [name, path, body, shape] of cases) {
    test(`${name}: 400 in the caller's own shape, nothing sent, one refusal row`, async () => {
      const before = provider.requests.length;
      const call = post(path, body);
      assert.equal(await call.ended, 'end');
      assert.match(call.text(), /^HTTP\/1\.1 400 /);
      assert.match(call.text(), /x-should-retry: false/i);
      assert.match(call.text(), shape);
      assert.equal(provider.requests.length, before);
      const decision = /x-outpost-decision: (\S+)/i.exec(call.text())?.[1];
      assert.ok(decision !== undefined);
      const row = await rowOf('refusal', requestId(call.text()));
      assert.equal(row['decision'], decision);
      const ofCall = (await rows()).filter(({ body: { request } }) => request === row['request']);
      assert.equal(ofCall.length, 1);
    });
  }

  test('a provider that is not configured is a 404 that says so', async () => {
    const call = post('/nobody/v1/chat/completions', chat('gpt-4o'));
    await call.ended;
    assert.match(call.text(), /^HTTP\/1\.1 404 [\s\S]*OUT_UNKNOWN_PROVIDER/);
  });

  test('JSON that no dialect knows is passed on and recorded as not understood', async () => {
    const call = post('/gemini/v1beta/models/gemini-x:generateContent', [1, { weird: true }]);
    await call.ended;
    assert.equal((await rowOf('intent', requestId(call.text())))['understood'], false);
  });
});

describe('backpressure', () => {
  const fiveCalls = async (): Promise<void> => {
    for (let count = 0; count < 5; count += 1) {
      const call = post('/openai/v1/chat/completions', chat('gpt-4o'));
      await call.ended;
      assert.match(call.text(), /^HTTP\/1\.1 200 /);
    }
  };
  const rss = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.ready.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

  test('a slow reader of a large stream grows memory by less than 32 MB', {
    skip: process.platform !== 'linux' && 'reads procfs',
  }, async () => {
    const base = rss();
    const call = post('/openai/v1/chat/completions', chat('gpt-4o+size=200', { stream: true }));
    await call.until(/"content":/);
    call.socket.pause();
    const seen = await provider.waitFor(
      (request) => /size=200/.test(request.body.toString()) && request.bytesSent > 1_000_000,
    );
    await untilStuck(
      () => seen.bytesSent,
      () => seen.blocked,
      fiveCalls,
    );
    const grown = rss() - base;
    call.socket.destroy();
    assert.ok(seen.bytesSent < 100 * 1024 * 1024, `${seen.bytesSent} bytes were sent to a reader that stands still`);
    assert.ok(grown < 32, `${grown.toFixed(1)} MB`);
  });

  test('a stalled upload grows memory by less than 32 MB', {
    skip: process.platform !== 'linux' && 'reads procfs',
  }, async () => {
    const base = rss();
    const size = 200 * 1024 * 1024;
    const call = rawCall(
      agent.gatewayPort,
      `POST /openai/v1/files HTTP/1.1\r\nHost: 127.0.0.1:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}authorization: Bearer app-key\r\ncontent-type: application/octet-stream\r\nx-fault: unread=65536\r\ncontent-length: ${size}\r\n\r\n`,
    );
    const sent = await writeUntilStuck(call.socket, size, fiveCalls);
    const grown = rss() - base;
    call.socket.destroy();
    assert.ok(sent < size, 'the upload must stall');
    assert.ok(provider.requests.some(({ target, bodyBytes }) => target === '/v1/files' && bodyBytes >= 65_536));
    assert.ok(grown < 32, `${grown.toFixed(1)} MB`);
  });
});
