// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { FakeClock } from '../clock.ts';
import { makeTestCa } from '../pki.ts';
import { type Asked, type Seen, send, sendH2 } from './client.ts';
import { faultOfModel, parseFault } from './fault.ts';
import { SimulatedProvider } from './simulated-provider.ts';

const ca = makeTestCa();
const { key, chain } = ca.issue({ names: ['sim.test', '127.0.0.1'] });
const plain = new SimulatedProvider();
const secure = new SimulatedProvider({ tls: { key, cert: chain } });

before(async () => {
  await plain.listen();
  await secure.listen();
});
after(async () => {
  await plain.close();
  await secure.close();
});
beforeEach(() => {
  plain.misbehave({});
  secure.misbehave({});
});

interface Way {
  readonly name: string;
  readonly provider: SimulatedProvider;
  readonly ask: (fault: string, stream: boolean) => Promise<Seen>;
}

function asked(provider: SimulatedProvider, fault: string, stream: boolean): Asked {
  return {
    url: `${provider.origin}/v1/chat/completions`,
    headers: {
      authorization: 'Bearer sim',
      'content-type': 'application/json',
      ...(fault === '' ? {} : { 'x-fault': fault }),
    },
    body: JSON.stringify({ model: 'gpt-4o', stream, messages: [{ role: 'user', content: 'tell me a story' }] }),
    ca: ca.cert,
    servername: 'sim.test',
  };
}

const ways: readonly Way[] = [
  { name: 'http/1.1', provider: plain, ask: (fault, stream) => send(asked(plain, fault, stream)) },
  { name: 'http/1.1 over TLS', provider: secure, ask: (fault, stream) => send(asked(secure, fault, stream)) },
  { name: 'h2', provider: secure, ask: (fault, stream) => sendH2(asked(secure, fault, stream)) },
];

for (const { name, provider, ask } of ways) {
  test(`${name}: a whole answer without a fault, and a stream that ends with [DONE]`, async () => {
    const whole = await ask('', false);
    assert.equal(whole.status, 200);
    assert.equal(whole.headers['content-length'], String(whole.body.length));
    assert.match(whole.body.toString(), /Simulated echo: tell me a story/);
    const stream = await ask('', true);
    assert.equal(stream.end, 'clean');
    assert.match(stream.body.toString(), /data: \[DONE\]\n\n$/);
  });

  for (const status of [400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529]) {
    test(`${name}: status ${status} in the vendor's error shape`, async () => {
      const seen = await ask(`status=${status}; retry-after=3`, true);
      assert.equal(seen.status, status);
      assert.equal(seen.headers['retry-after'], '3');
      assert.equal(
        typeof (JSON.parse(seen.body.toString()) as { error: { message: unknown } }).error.message,
        'string',
      );
    });
  }

  test(`${name}: reset and close before the head`, async () => {
    await assert.rejects(ask('reset=head', true));
    await assert.rejects(ask('close', true));
    assert.equal(provider.requests.at(-1)?.state, 'broken');
  });

  test(`${name}: cut, reset and truncate after three events`, async () => {
    const whole = (await ask('', true)).body.toString().split('\n\n');
    const three = `${whole.slice(0, 3).join('\n\n')}\n\n`.replaceAll(/chatcmpl-sim\d+|"created":\d+/g, 'ID');
    const words = ({ body }: Seen) => body.toString().replaceAll(/chatcmpl-sim\d+|"created":\d+/g, 'ID');
    const cut = await ask('cut=3', true);
    assert.notEqual(cut.end, 'clean');
    assert.equal(words(cut), three);
    assert.notEqual((await ask('reset=3', true)).end, 'clean');
    const truncated = await ask('truncate=3', true);
    assert.equal(truncated.end, 'clean');
    assert.equal(words(truncated), three);
    assert.equal(provider.requests.at(-1)?.eventsSent, 3);
  });

  test(`${name}: an in-band error before and after content`, async () => {
    const before = (await ask('error=preamble', true)).body.toString();
    assert.match(before, /"role":"assistant"[\s\S]*"error":/);
    assert.doesNotMatch(before, /"content":"S/);
    const later = (await ask('error=2', true)).body.toString();
    assert.match(later, /"content":"Sim[\s\S]*"error":/);
    assert.doesNotMatch(later, /DONE/);
  });

  test(`${name}: empty, HTML and truncated JSON with status 200`, async () => {
    const empty = await ask('empty', false);
    assert.equal(empty.status, 200);
    assert.equal(empty.body.length, 0);
    const html = await ask('html', true);
    assert.equal(html.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(html.body.toString(), /<!doctype html>/);
    const broken = await ask('truncate=1', false);
    assert.equal(broken.end, 'clean');
    assert.throws(() => JSON.parse(broken.body.toString()), SyntaxError);
    const cut = await ask('cut=1', false);
    assert.notEqual(cut.end, 'clean');
    assert.ok(cut.body.length > 0 && cut.body.length < Number(cut.headers['content-length']));
  });

  test(`${name}: early hints, trailers, a break at every byte`, async () => {
    const seen = await ask('hints; trailers; split=1', true);
    assert.deepEqual(seen.informational, [103]);
    assert.equal(seen.trailers['x-simulated-trailer'], 'present');
    assert.match(seen.body.toString(), /data: \[DONE\]\n\n$/);
    assert.ok(provider.requests.at(-1)?.bytesSent === seen.body.length);
    assert.ok(seen.chunks > 20, `${seen.chunks} chunks`);
  });

  test(`${name}: compressed answers, whole and event by event`, async () => {
    const undo = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
    for (const [encoding, decode] of Object.entries(undo)) {
      for (const stream of [false, true]) {
        const seen = await ask(`encoding=${encoding}`, stream);
        assert.equal(seen.headers['content-encoding'], encoding);
        assert.match(decode(seen.body).toString(), stream ? /\[DONE\]/ : /tell me a story/);
      }
    }
  });

  test(`${name}: a huge answer`, async () => {
    const seen = await ask('size=3', true);
    assert.ok(seen.body.length > 3 * 1024 * 1024);
    assert.ok((await ask('size=3', false)).body.length > 3 * 1024 * 1024);
  });
}

test('hang before and after the head, stall: the client leaves and the provider says when', async () => {
  for (const fault of ['hang=head', 'hang=body', 'stall=2']) {
    const { url, body, headers } = asked(plain, fault, true);
    const req = httpRequest(url, { method: 'POST', agent: false, ...(headers === undefined ? {} : { headers }) });
    let gotHead = false;
    req.on('response', (res) => {
      gotHead = true;
      res.on('error', () => undefined);
      res.resume();
    });
    req.on('error', () => undefined);
    req.end(body);
    const events = fault === 'stall=2' ? 2 : 0;
    const serial = plain.requests.length + 1;
    await plain.waitFor((r) => r.serial === serial && r.state === 'answering' && r.eventsSent === events);
    if (fault !== 'hang=head') {
      // The head must be on its way before the client leaves, else this would prove nothing.
      await new Promise<void>((resolve) => (gotHead ? resolve() : req.once('response', () => resolve())));
    }
    req.destroy();
    const seen = await plain.waitFor((r) => r.serial === serial && r.state === 'client-left');
    assert.equal(seen.eventsSent, events);
    assert.equal(gotHead, fault !== 'hang=head');
  }
});

test('delays and gaps run by the injected clock', async () => {
  const clock = new FakeClock();
  const provider = await new SimulatedProvider({ clock, pieces: 2 }).listen();
  try {
    const answer = send(asked(provider, 'delay=1000; gap=500', true));
    await provider.waitFor((r) => r.state === 'answering');
    const settle = async () => {
      for (let turn = 0; turn < 50; turn += 1) await clock.advanceAsync(0);
    };
    await settle();
    await clock.advanceAsync(999);
    await settle();
    assert.equal(provider.requests[0]?.eventsSent, 0);
    await clock.advanceAsync(1);
    await provider.waitFor((r) => r.eventsSent === 1);
    await settle();
    assert.equal(provider.requests[0]?.eventsSent, 1);
    for (let event = 2; event <= 5; event += 1) {
      await settle();
      await clock.advanceAsync(500);
      await provider.waitFor((r) => r.eventsSent === event);
    }
    assert.equal((await answer).end, 'clean');
  } finally {
    await provider.close();
  }
});

test('scripted faults apply in turn, then the standing one; header and model name rule over both', async () => {
  plain.script('status=500', { status: 429 });
  plain.misbehave('status=503');
  const status = async (fault = '') => (await send(asked(plain, fault, false))).status;
  assert.equal(await status(), 500);
  assert.equal(await status('status=422'), 422);
  assert.equal(await status(), 429);
  assert.equal(await status(), 503);
  plain.misbehave({});
  assert.equal(await status(), 200);
  const { body, ...rest } = asked(plain, '', false);
  const named = String(body).replace('gpt-4o', 'gpt-4o+status=404');
  assert.equal((await send({ ...rest, body: named })).status, 404);
});

test('what was sent is recorded as it came: header order and case, body hash, connection', async () => {
  const body = Buffer.from('{"model":"gpt-4o",  "messages":[{"role":"user","content":"x"}]}');
  const socket = createConnection(plain.port, '127.0.0.1');
  const serial = plain.requests.length + 1;
  socket.write(
    `POST /v1/chat/completions?a=%20b HTTP/1.1\r\nHost: h\r\nX-ODD-case: 1\r\nauthorization: Bearer k\r\nCookie: a\r\nCookie: b\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  const seen = await plain.waitFor((r) => r.serial === serial && r.state === 'answered');
  socket.destroy();
  assert.deepEqual(seen.rawHeaders, [
    ...['Host', 'h', 'X-ODD-case', '1', 'authorization', 'Bearer k', 'Cookie', 'a', 'Cookie', 'b'],
    ...['Content-Length', String(body.length)],
  ]);
  assert.equal(seen.target, '/v1/chat/completions?a=%20b');
  assert.equal(seen.bodySha256, createHash('sha256').update(body).digest('hex'));
  assert.deepEqual(seen.body, body);
  assert.deepEqual(seen.json(), JSON.parse(body.toString()));
  assert.equal(seen.header('COOKIE'), 'a');
  const again = await sendH2(asked(secure, '', false));
  assert.equal(again.status, 200);
  assert.deepEqual(secure.requests.at(-1)?.tls, { version: 'TLSv1.3', sni: 'sim.test', alpn: 'h2' });
});

test('Expect: 100-continue is granted, left unanswered, or refused', async () => {
  const expecting = (fault: string) => {
    const { url, body, headers } = asked(plain, fault, false);
    const all = { ...(headers as Record<string, string>), expect: '100-continue' };
    return new Promise<{ continued: boolean; status: number }>((resolve, reject) => {
      let continued = false;
      const req = httpRequest(url, { method: 'POST', agent: false, headers: all }, (res) => {
        res.resume();
        res.on('end', () => resolve({ continued, status: res.statusCode ?? 0 }));
      });
      req.on('continue', () => {
        continued = true;
        req.end(body);
      });
      req.on('error', reject);
      req.flushHeaders();
      if (fault === 'expect=silent') {
        const serial = plain.requests.length + 1;
        void plain.waitFor((r) => r.serial === serial).then(() => req.end(body));
      }
    });
  };
  assert.deepEqual(await expecting(''), { continued: true, status: 200 });
  assert.deepEqual(await expecting('expect=silent'), { continued: false, status: 200 });
  assert.deepEqual(await expecting('expect=refuse'), { continued: false, status: 417 });
});

test('an upload can be left unread', async () => {
  const { url, headers } = asked(plain, 'unread=65536', false);
  const req = httpRequest(url, { method: 'POST', agent: false, ...(headers === undefined ? {} : { headers }) });
  req.on('error', () => undefined);
  const serial = plain.requests.length + 1;
  const piece = Buffer.alloc(64 * 1024);
  // Far more than socket buffers take on both sides together.
  for (let i = 0; i < 1024; i += 1) req.write(piece);
  const seen = await plain.waitFor((r) => r.serial === serial && r.bodyBytes >= 65536);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.ok(seen.bodyBytes < 2 * 1024 * 1024, `${seen.bodyBytes} bytes were read`);
  assert.equal(seen.bodySha256, undefined);
  req.destroy();
});

test('waitFor rejects after its deadline', async () => {
  await assert.rejects(
    plain.waitFor((r) => r.method === 'BREW', 30),
    /no request as awaited within 30 ms/,
  );
});

test('the text form of faults is read strictly', () => {
  assert.deepEqual(parseFault('status=429; retry-after=Wed, 01 Jan 2031 00:00:00 GMT'), {
    status: 429,
    'retry-after': 'Wed, 01 Jan 2031 00:00:00 GMT',
  });
  assert.deepEqual(parseFault('close;cut=preamble;reset=head'), { close: true, cut: 'preamble', reset: 'head' });
  assert.deepEqual(faultOfModel('gpt-4o+stall=2+gap=5'), { model: 'gpt-4o', fault: { stall: 2, gap: 5 } });
  assert.deepEqual(faultOfModel('gpt-4o'), { model: 'gpt-4o', fault: undefined });
  for (const bad of ['explode', 'status=many', 'hang=maybe', 'cut=head', 'encoding=lzma']) {
    assert.throws(() => parseFault(bad), /fault/, bad);
  }
});
