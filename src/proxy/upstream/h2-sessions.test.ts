// SPDX-License-Identifier: Apache-2.0
// Sessions that are let go while they are being opened, on a real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, createServer } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createH2Sessions } from './h2-sessions.ts';

/** A dial that waits until it is let through. */
async function start(t: TestContext) {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('pong');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const waiting: (() => void)[] = [];
  const sessions = createH2Sessions(async () => {
    const gate = Promise.withResolvers<void>();
    waiting.push(gate.resolve);
    await gate.promise;
    const socket: Socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  });
  t.after(async () => {
    await sessions.close();
    server.close();
  });
  return { sessions, waiting, origin: `http://127.0.0.1:${port}` };
}

async function ask(opening: Promise<ClientHttp2Session>): Promise<string> {
  const stream = (await opening).request({ ':path': '/' });
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

test('the call that a session is opened for goes out on it, although it was let go meanwhile', async (t) => {
  const { sessions, waiting, origin } = await start(t);
  const answer = ask(sessions.session(origin));
  sessions.retire();
  waiting[0]?.();
  assert.equal(await answer, 'pong');
});

test('a session that was let go does not take the next one with it', async (t) => {
  const { sessions, waiting, origin } = await start(t);
  const first = sessions.session(origin);
  sessions.retire();
  const second = sessions.session(origin);
  waiting[0]?.();
  await once(await first, 'close');
  waiting[1]?.();
  assert.equal(sessions.session(origin), second);
  assert.equal(await ask(second), 'pong');
  assert.equal(waiting.length, 2);
});
