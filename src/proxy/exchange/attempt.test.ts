// SPDX-License-Identifier: Apache-2.0
// Error answers as they come from a real server: unreadable, endless, too large, cut off. None of them may pass for an answer.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { dialectOf } from '../dialects/index.ts';
import { type AttemptInput, type AttemptResult, runAttempt } from './attempt.ts';
import type { RawHeaders, Reply } from './call.ts';

const RECOGNISED = { dialect: 'openai-chat', operation: 'generate', pathModel: undefined, pathStream: false } as const;
const FACTS = dialectOf('openai-chat').readRequest(RECOGNISED, Buffer.from('{"model":"m","messages":[]}'));
const ERROR = '{"error":{"message":"slow down","code":"rate_limit_exceeded"}}';
const HOLD = 64 * 1024;

/** What reached the caller. */
class Recorder implements Reply {
  readonly started = false;
  readonly chunks: Buffer[] = [];
  status: number | undefined;
  ended = false;
  info(): void {}
  head(status: number, _headers: RawHeaders): void {
    this.status = status;
  }
  write(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk));
    return true;
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  end(): void {
    this.ended = true;
  }
  abort(): void {}
}

interface Made {
  readonly clock: FakeClock;
  readonly reply: Recorder;
  readonly result: Promise<AttemptResult>;
  /** The server's side, once the request is there. */
  readonly response: Promise<ServerResponse>;
  /** Resolves when the reader has been shown so many bytes. */
  seen(bytes: number): Promise<void>;
}

async function attempt(t: TestContext, serve: (response: ServerResponse) => void): Promise<Made> {
  const { promise: response, resolve } = Promise.withResolvers<ServerResponse>();
  const server = createServer((request, answer) => {
    request.resume();
    answer.on('error', () => undefined);
    serve(answer);
    resolve(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const pool = new Pool(`http://127.0.0.1:${address.port}`);
  t.after(async () => {
    await pool.destroy();
    server.closeAllConnections();
    server.close();
  });
  const clock = new FakeClock();
  const reply = new Recorder();
  let got = 0;
  const reader: AttemptInput['reader'] = (head) => {
    const inner = dialectOf('openai-chat').readAnswer(RECOGNISED, FACTS, head);
    const push = inner.push.bind(inner);
    return Object.assign(inner, {
      push: (chunk: Uint8Array) => {
        push(chunk);
        got += chunk.length;
      },
    });
  };
  const result = runAttempt({
    pool,
    wasStale: () => false,
    method: 'POST',
    path: '/',
    headers: [],
    body: Buffer.from('{}'),
    reader,
    reply,
    answerHeaders: (raw) => [...raw],
    gone: new AbortController().signal,
    clock,
    timeouts: { firstContent: 600_000, idle: 60_000 },
    hold: { events: 64, bytes: HOLD, jsonBytes: HOLD },
  });
  const seen = async (bytes: number): Promise<void> => {
    while (got < bytes) await new Promise(setImmediate);
  };
  return { clock, reply, result, response, seen };
}

/** The result as a held error; nothing may have reached the caller. */
async function held({ result, reply }: Made): Promise<Extract<AttemptResult, { kind: 'held' }>> {
  const ended = await result;
  assert.equal(ended.kind, 'held');
  assert.equal(ended.committedAt, undefined);
  assert.deepEqual([reply.status, reply.chunks, reply.ended], [undefined, [], false]);
  return ended;
}

const json = { 'content-type': 'application/json' };

for (const [name, coding, body] of [
  ['a plain body that is said to be gzip', 'gzip', Buffer.from(ERROR)],
  ['an unknown coding', 'snappy', Buffer.from(ERROR)],
  ['a gzip that is cut short', 'gzip', gzipSync(ERROR).subarray(0, -9)],
  ['a decompression bomb', 'gzip', gzipSync(Buffer.alloc(16 * 1024 * 1024))],
] as const) {
  test(`an error status with ${name} is held whole, its class from what can be read`, async (t) => {
    const made = await attempt(t, (answer) => {
      answer.writeHead(429, { ...json, 'content-encoding': coding }).end(body);
    });
    const { status, body: got, reader } = await held(made);
    assert.equal(status, 429);
    assert.deepEqual(Buffer.concat(got), body);
    assert.equal(reader?.facts().error?.class, 'rate-limit');
  });
}

test('an answer that cannot be decoded is still passed on', async (t) => {
  const { result, reply } = await attempt(t, (answer) => {
    answer.writeHead(200, { ...json, 'content-encoding': 'snappy' }).end('??');
  });
  assert.equal((await result).kind, 'complete');
  assert.deepEqual([reply.status, String(Buffer.concat(reply.chunks)), reply.ended], [200, '??', true]);
});

test('an error larger than the hold is held up to there, and the connection is dropped', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(503, { ...json, 'content-length': 1 << 30, 'retry-after': '7' });
    const more = (): void => {
      while (answer.write(Buffer.alloc(16 * 1024, 0x20)));
    };
    answer.on('drain', more);
    more();
  });
  const answer = await made.response;
  const closed = once(answer, 'close');
  const { body, headers, reader } = await held(made);
  await closed;
  const size = Buffer.concat(body).length;
  assert.ok(size > 0 && size <= HOLD, `${size}`);
  assert.equal(reader?.facts().error?.class, 'overloaded');
  const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  assert.ok(names.includes('retry-after'));
  assert.ok(!names.includes('content-length'));
});

test('an error without an end waits 2 s for more, then is what came', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(429, { ...json, 'content-length': 5_000 }).write(ERROR);
  });
  await made.seen(ERROR.length);
  made.clock.advance(1_999);
  (await made.response).write(' ');
  await made.seen(ERROR.length + 1);
  made.clock.advance(1_999);
  assert.equal(made.clock.pending > 0, true);
  made.clock.advance(1);
  const { body, headers, reader } = await held(made);
  assert.equal(String(Buffer.concat(body)), `${ERROR} `);
  assert.deepEqual(reader?.facts().error, { class: 'rate-limit', code: 'rate_limit_exceeded' });
  assert.ok(!headers.some((name) => name.toLowerCase() === 'content-length'));
  assert.equal(made.clock.pending, 0);
});

test('an error that keeps dripping is cut after 5 s', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(500, json).write('x');
  });
  for (let seconds = 1; seconds <= 4; seconds++) {
    await made.seen(seconds);
    made.clock.advance(1_000);
    (await made.response).write('x');
  }
  await made.seen(5);
  made.clock.advance(1_000);
  const { status, body } = await held(made);
  assert.deepEqual([status, String(Buffer.concat(body))], [500, 'xxxxx']);
});

test('an error head without one byte of body is settled by its status', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(401, json).flushHeaders();
  });
  // The head arms the second timer.
  while (made.clock.pending < 2) await new Promise(setImmediate);
  made.clock.advance(2_000);
  const { status, body, reader } = await held(made);
  assert.deepEqual([status, body, reader?.facts().error?.class], [401, [], 'authentication']);
});

test('of a coded error that is cut nothing is kept: its rest could not be decoded', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(429, { ...json, 'content-encoding': 'gzip' }).write(gzipSync(ERROR));
  });
  await made.seen(ERROR.length);
  made.clock.advance(2_000);
  const { body, headers, reader } = await held(made);
  assert.deepEqual(body, []);
  assert.ok(!headers.some((name) => name.toLowerCase() === 'content-encoding'));
  assert.equal(reader?.facts().error?.code, 'rate_limit_exceeded');
});

test('an error whose connection dies within the body keeps its status', async (t) => {
  const made = await attempt(t, (answer) => {
    answer.writeHead(429, { ...json, 'content-length': 5_000 }).write(ERROR);
  });
  await made.seen(ERROR.length);
  (await made.response).destroy();
  const { status, reader } = await held(made);
  assert.deepEqual([status, reader?.facts().error?.class], [429, 'rate-limit']);
});

for (const body of ['{}', '[]', 'null', '{"choices":[]}']) {
  test(`a 200 with ${body} is held as a failure, its bytes as they are`, async (t) => {
    const made = await attempt(t, (answer) => {
      answer.writeHead(200, json).end(body);
    });
    const { status, body: got } = await held(made);
    assert.deepEqual([status, String(Buffer.concat(got))], [200, body]);
  });
}
