// SPDX-License-Identifier: Apache-2.0
// What the HTTP/1.1 and HTTP/2 adapters promise the exchange (exchange/call.ts), seen from a real client over TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, constants, connect as h2Connect } from 'node:http2';
import { test } from 'node:test';
import type { HttpCall } from '../../src/proxy/exchange/call.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  answer,
  type Ending,
  GOVERNED,
  getOver,
  type Kit,
  kitFor,
  kitWith,
  nextChunk,
  openTls,
  postHead,
  readAll,
  requestOver,
  responseOf,
  startKit,
  talk,
  until,
  untilStuck,
  writeUntilStuck,
} from './intercept-kit.ts';
import { rawH2 } from './intercept-raw-h2.ts';
import { assertNotHeldBack, startOvertaking } from './overtaking.ts';

async function h2(kit: Kit, t: Ending): Promise<ClientHttp2Session> {
  const socket = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
  assert.equal(socket.alpnProtocol, 'h2');
  const session = h2Connect(`https://${GOVERNED}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  return session;
}

for (const protocol of ['http/1.1', 'h2'] as const) {
  test(`${protocol}: a client that leaves is known at once`, async (t) => {
    let left = false;
    const leaving = (call: HttpCall): void => {
      call.gone.addEventListener('abort', () => {
        left = true;
      });
      call.reply.head(200, []);
      call.reply.write(Buffer.from('x'));
    };
    // Time stands still: what is known is known without waiting for anything.
    const kit = await kitWith(t, leaving, { clock: new FakeClock() });
    if (protocol === 'h2') {
      const stream = (await h2(kit, t)).request({ ':path': '/' });
      await once(stream, 'data');
      stream.close(constants.NGHTTP2_CANCEL);
    } else {
      const secure = await openTls(kit);
      secure.write(`GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
      await nextChunk(secure);
      secure.destroy();
    }
    await until(() => left, 'gone');
    await until(() => kit.intercept.stats().running === 0, 'nothing runs');
  });

  test(`${protocol}: a client that leaves in the middle of its body breaks the body`, async (t) => {
    let outcome = '';
    const kit = await kitWith(t, async (call) => {
      outcome = await readAll(call.body).then(
        () => 'ended',
        () => 'broken',
      );
    });
    if (protocol === 'h2') {
      // By hand: Node's own client ends its side before it resets.
      const secure = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
      t.after(() => secure.destroy());
      secure.write(Buffer.concat([rawH2.preface, rawH2.settings(), rawH2.headers(1, rawH2.post())]));
      secure.write(rawH2.data(1, Buffer.from('part')));
      await until(() => kit.calls.length === 1, 'the call');
      secure.write(rawH2.reset(1, 0));
    } else {
      const secure = await openTls(kit);
      secure.write(`${postHead('Content-Length: 100\r\n')}part`);
      await until(() => kit.calls.length === 1, 'the call');
      secure.destroy();
    }
    await until(() => outcome !== '', 'the body has ended');
    assert.equal(outcome, 'broken');
  });

  test(`${protocol}: an abort after an in-band error event delivers the event, then breaks`, async (t) => {
    const breaking = (call: HttpCall): void => {
      call.reply.head(200, ['Content-Type', 'text/event-stream']);
      call.reply.write(Buffer.from('event: error\n\n'));
      call.reply.abort();
    };
    // Time stands still: the reset waits for the event to be out, however long that takes.
    const kit = await kitWith(t, breaking, { clock: new FakeClock() });
    let seen = '';
    let broken = '';
    if (protocol === 'h2') {
      const stream = (await h2(kit, t)).request({ ':path': '/' });
      stream.on('data', (chunk) => {
        seen += chunk;
      });
      stream.on('error', (error: NodeJS.ErrnoException) => {
        broken = error.code ?? '';
      });
      await until(() => broken !== '', 'the stream breaks');
      assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
    } else {
      const req = requestOver(await openTls(kit), { path: '/', headers: { Host: GOVERNED } });
      req.on('error', () => undefined);
      req.end();
      const res = await responseOf(req);
      res.on('data', (chunk) => {
        seen += chunk;
      });
      res.on('error', (error: NodeJS.ErrnoException) => {
        broken = error.code ?? '';
      });
      await until(() => broken !== '', 'the answer breaks');
    }
    assert.equal(seen, 'event: error\n\n');
  });

  test(`${protocol}: destroying the body does not take the answer with it`, async (t) => {
    const kit = await kitWith(t, (call) => {
      call.body.once('data', () => {
        call.body.destroy();
        call.reply.head(400, ['Content-Length', '2']);
        call.reply.write(Buffer.from('no'));
        call.reply.end();
      });
    });
    const size = 1024 * 1024;
    if (protocol === 'h2') {
      const stream = (await h2(kit, t)).request({ ':method': 'POST', ':path': '/' });
      stream.end(Buffer.alloc(size));
      assert.equal(String(await readAll(stream)), 'no');
    } else {
      const req = requestOver(await openTls(kit), {
        method: 'POST',
        headers: { Host: GOVERNED, 'Content-Length': size },
      });
      req.end(Buffer.alloc(size));
      assert.equal(String(await readAll(await responseOf(req))), 'no');
    }
  });

  test(`${protocol}: a handler that throws breaks the call and nothing else`, async (t) => {
    let fail = true;
    const kit = await startKit({
      handle: async (call) => {
        if (fail) throw new Error('secret detail');
        if (call.kind !== 'http') return;
        call.reply.head(204, []);
        call.reply.end();
      },
    });
    t.after(() => kit.close());
    const once200 = async (): Promise<number | string> => {
      if (protocol === 'h2') {
        const stream = (await h2(kit, t)).request({ ':path': '/' });
        return await once(stream, 'response').then(
          ([headers]) => headers[':status'],
          (error: NodeJS.ErrnoException) => error.code ?? '',
        );
      }
      return await getOver(await openTls(kit)).then(
        (res) => res.statusCode ?? 0,
        (error: NodeJS.ErrnoException) => error.code ?? '',
      );
    };
    assert.equal(typeof (await once200()), 'string');
    fail = false;
    assert.equal(await once200(), 204);
    assert.match(kit.lines.join(), /call\.handler-failed/);
    assert.doesNotMatch(kit.lines.join(), /secret detail/);
  });

  test(`${protocol}: HEAD, 204 and 304 have no body, whatever is written`, async (t) => {
    let status = 200;
    const kit = await kitWith(t, (call) => {
      call.reply.head(status, status === 200 ? ['Content-Length', '5'] : []);
      call.reply.write(Buffer.from('hello'));
      call.reply.end();
    });
    const session = protocol === 'h2' ? await h2(kit, t) : undefined;
    for (const [method, wanted] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      status = wanted;
      if (session) {
        const stream = session.request({ ':path': '/', ':method': method });
        const [headers] = await once(stream, 'response');
        assert.equal(headers[':status'], wanted);
        assert.equal((await readAll(stream)).length, 0);
      } else {
        const text = await talk(
          await openTls(kit),
          `${method} / HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: close\r\n\r\n`,
        );
        assert.match(text, new RegExp(`^HTTP/1.1 ${wanted} [^]*\r\n\r\n$`));
      }
    }
  });
}

test('informational answers pass, h1 and h2', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.info(103, ['Link', '</a>; rel=preload', 'Link', '</b>; rel=preload']);
    call.reply.head(200, ['Content-Length', '0']);
    call.reply.end();
  });
  const text = await talk(await openTls(kit), postHead('Content-Length: 0\r\nConnection: close\r\n'));
  assert.match(
    text,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload,\s?<\/b>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/,
  );
  const stream = (await h2(kit, t)).request({ ':path': '/' });
  const [early] = await once(stream, 'headers');
  assert.equal(early[':status'], 103);
});

test('a head alone leaves by itself, and each event after it at once', async (t) => {
  let call: HttpCall | undefined;
  const kit = await kitWith(t, (given) => {
    call = given;
    given.reply.head(200, ['Content-Type', 'text/event-stream']);
  });
  const secure = await openTls(kit);
  const overtaken = await startOvertaking(t);
  const rounds: readonly number[][] = [[], [], []];
  // Again and again: the kernel delays acknowledgements only where both sides have spoken for a while.
  for (let n = 0; n < 12; n++) {
    secure.write(`GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
    assert.match(String(await nextChunk(secure)), /text\/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n$/);
    for (const [event, counts] of rounds.entries()) {
      const text = nextChunk(secure).then(String);
      call?.reply.write(Buffer.from(`data: ${event}\n\n`));
      const overtakes = await overtaken(text);
      assert.match(await text, new RegExp(`data: ${event}`));
      counts.push(overtakes);
    }
    call?.reply.end();
    assert.equal(String(await nextChunk(secure)), '0\r\n\r\n');
  }
  for (const counts of rounds) assertNotHeldBack(counts);
  secure.destroy();
});

test('h2: full duplex with trailers both ways, 1,000 messages', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, ['Content-Type', 'application/grpc']);
    call.body.on('data', (chunk: Buffer) => call.reply.write(chunk));
    call.body.on('end', () => call.reply.end(['grpc-status', '0', 'X-Seen', call.requestTrailers().join()]));
  });
  const stream = (await h2(kit, t)).request(
    { ':method': 'POST', ':path': '/svc/Method', te: 'trailers', 'content-type': 'application/grpc' },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-client': 'end' }));
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 200);
  const trailers = once(stream, 'trailers');
  for (let count = 0; count < 1_000; count++) {
    stream.write(`m${count}`);
    if (count % 100 === 0) assert.match(String(await nextChunk(stream)), /m/, 'echoed before the request has ended');
  }
  stream.end();
  stream.resume();
  const [fields] = await trailers;
  assert.equal(fields['grpc-status'], '0');
  assert.equal(fields['x-seen'], 'x-client,end');
});

test('h2: an answer without body ends in its head (gRPC trailers-only)', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, ['grpc-status', '12', 'Connection', 'keep-alive', 'Transfer-Encoding', 'chunked']);
    call.reply.end();
  });
  const stream = (await h2(kit, t)).request({ ':path': '/' });
  const [headers, flags] = await once(stream, 'response');
  assert.equal(headers['grpc-status'], '12');
  assert.ok(Number(flags) & constants.NGHTTP2_FLAG_END_STREAM);
  assert.deepEqual(Object.keys(headers), [':status', 'grpc-status'], 'no date, no connection headers');
});

test('h2: 100 is sent when the body is first read', async (t) => {
  const kit = await kitWith(t, async (call) => {
    const body = await readAll(call.body);
    call.reply.head(200, []);
    call.reply.write(body);
    call.reply.end();
  });
  const stream = (await h2(kit, t)).request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
  await once(stream, 'continue');
  stream.end('later');
  assert.equal(String(await readAll(stream)), 'later');
});

test('h2: extended CONNECT is not offered', async (t) => {
  const kit = await kitFor(t);
  const session = await h2(kit, t);
  const [settings] = await once(session, 'remoteSettings');
  assert.ok(!settings.enableConnectProtocol);
});

test('slow readers and stalled uploads hold little memory, h1 and h2', async (t) => {
  const mib = 1024 * 1024;
  const block = Buffer.alloc(64 * 1024, 1);
  let written = 0;
  let full = false;
  const kit = await kitWith(t, async (call) => {
    if (call.target === '/other') return answer(call, 200, '');
    if (call.target === '/upload') {
      // Reads a little, then no more.
      call.body.once('data', () => call.body.pause());
      return;
    }
    call.reply.head(200, []);
    while (written < 200 * mib && !call.gone.aborted) {
      written += block.length;
      full = !call.reply.write(block);
      if (full) await call.reply.drained();
    }
  });
  const serveAnother = async (): Promise<unknown> => readAll(await getOver(await openTls(kit), GOVERNED, '/other'));
  global.gc?.();
  const before = process.memoryUsage.rss();
  // Slow readers: one chunk, then nothing.
  for (const protocol of ['h1', 'h2'] as const) {
    written = 0;
    if (protocol === 'h1') {
      const secure = await openTls(kit);
      secure.write(`GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
      await nextChunk(secure);
      secure.pause();
      t.after(() => secure.destroy());
    } else {
      const stream = (await h2(kit, t)).request({ ':path': '/' });
      await nextChunk(stream);
      stream.pause();
    }
    await untilStuck(
      () => written,
      () => full,
      serveAnother,
    );
    assert.ok(written < 32 * mib, `${protocol}: ${written} bytes were accepted for a reader that does not read`);
  }
  // Stalled uploads: the handler reads nothing.
  const secure = await openTls(kit);
  t.after(() => secure.destroy());
  secure.write(`POST /upload HTTP/1.1\r\nHost: ${GOVERNED}\r\nContent-Length: ${200 * mib}\r\n\r\n`);
  const stream = (await h2(kit, t)).request({ ':method': 'POST', ':path': '/upload' });
  for (const sink of [secure, stream]) {
    const sent = await writeUntilStuck(sink, 200 * mib, serveAnother);
    assert.ok(sent < 32 * mib, `${sent} bytes of an upload that nobody reads were taken`);
  }
  assert.ok(process.memoryUsage.rss() - before < 96 * mib, 'client and proxy together');
});
