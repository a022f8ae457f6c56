// SPDX-License-Identifier: Apache-2.0
// The WebSocket relay with verdicts that take their time, refuse or fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeClose, encodeFrame, OPCODE } from '../../src/proxy/exchange/websocket/frame.ts';
import type { Inspector } from '../../src/proxy/exchange/websocket/types.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  clientText,
  fill,
  framesOf,
  frameWith,
  handInspector,
  MASK,
  MIB,
  PASS_ALL,
  PING,
  rawPair,
  serverText,
} from './websocket-relay.fixture.ts';

test('while a verdict is awaited pings pass and the server is heard; messages and the close keep their order', async (t) => {
  const inspect = handInspector();
  const { client, server, front } = await rawPair(t, { inspect });
  const close = encodeClose(1000, '', MASK);
  client.socket.write(Buffer.concat([clientText('one'), PING, clientText('two'), PING, close]));
  assert.ok((await server.bytes(PING.length * 2)).equals(Buffer.concat([PING, PING])));
  server.socket.write(serverText('meanwhile'));
  await client.bytes(serverText('meanwhile').length);
  assert.deepEqual(
    inspect.asked.map(({ text }) => text),
    ['one'],
  );
  inspect.asked[0]?.answer('pass');
  await inspect.question(2);
  await server.bytes(PING.length * 2 + clientText('one').length);
  assert.deepEqual(
    framesOf(server.received, true).map(({ text }) => text),
    ['p', 'p', 'one'],
  );
  inspect.asked[1]?.answer('pass');
  const expected = Buffer.concat([PING, PING, clientText('one'), clientText('two'), close]);
  assert.ok((await server.bytes(expected.length)).equals(expected));
  server.socket.end(encodeClose(1000, ''));
  await client.end();
  client.socket.end();
  const result = await front.result();
  assert.deepEqual([result.closedBy, result.closeCode, result.messagesUp], ['client', 1000, 2]);
});

test('a message under verdict takes bounded memory: later messages wait in the client', async (t) => {
  const asked = Promise.withResolvers<void>();
  const verdict = Promise.withResolvers<'pass'>();
  const inspect: Inspector = {
    ...PASS_ALL,
    clientMessage: () => {
      asked.resolve();
      return verdict.promise;
    },
  };
  const { client, server, front } = await rawPair(t, { inspect });
  client.socket.write(clientText('first'));
  await asked.promise;
  const message = encodeFrame(OPCODE.text, Buffer.alloc(100_000, 'x'), MASK);
  const taken = await fill(client.socket, message, 64 * MIB);
  assert.ok(taken < 12 * MIB, `${taken} bytes were taken`);
  assert.equal(server.received.length, 0);
  verdict.resolve('pass');
  await server.bytes(taken);
  client.socket.destroy();
  assert.equal((await front.result()).closedBy, 'client');
});

test('a refusal waits for the end of the half-sent server message, then reply and 1008 follow', async (t) => {
  const shown: string[] = [];
  const inspect: Inspector = {
    ...PASS_ALL,
    clientMessage: async () => ({ refuse: 'no', reason: 'because' }),
    serverMessage: (text) => {
      shown.push(text);
    },
  };
  const { client, server, front } = await rawPair(t, { inspect });
  const first = frameWith(0x01, 'half ');
  const second = frameWith(0x00, 'and ');
  server.socket.write(Buffer.concat([first, second.subarray(0, 4)]));
  await client.bytes(first.length + 4);
  client.socket.write(clientText('refused'));
  await server.bytes(8);
  assert.deepEqual(framesOf(server.received, true), [{ opcode: OPCODE.close, text: '1001' }]);
  server.socket.write(Buffer.concat([second.subarray(4), frameWith(0x80, 'half'), serverText('too late')]));
  await client.end();
  assert.deepEqual(framesOf(client.received, false), [
    { opcode: OPCODE.text, text: 'half and half' },
    { opcode: OPCODE.text, text: 'no' },
    { opcode: OPCODE.close, text: '1008 because' },
  ]);
  client.socket.end();
  server.socket.end();
  assert.equal((await front.result()).closedBy, 'refused');
  assert.deepEqual(shown, ['half and half']);
});

test('a refusal does not wait for ever: without a boundary the client sees an abnormal end', async (t) => {
  const clock = new FakeClock();
  const inspect: Inspector = { ...PASS_ALL, clientMessage: async () => ({ refuse: 'no', reason: 'because' }) };
  const { client, server, front } = await rawPair(t, { inspect, clock });
  const half = serverText('never whole').subarray(0, 5);
  server.socket.write(half);
  await client.bytes(half.length);
  client.socket.write(clientText('refused'));
  await server.end();
  await clock.advanceAsync(2000);
  await client.end();
  assert.ok(client.received.equals(half));
  client.socket.end();
  server.socket.end();
  assert.equal((await front.result()).closedBy, 'refused');
});

test('an inspector that fails lets nothing pass and ends the connection with 1011', async (t) => {
  for (const inspect of [
    { ...PASS_ALL, clientMessage: () => Promise.reject(new Error('defect')) },
    {
      ...PASS_ALL,
      serverMessage: () => {
        throw new Error('defect');
      },
    },
  ]) {
    const { client, server, front } = await rawPair(t, { inspect });
    client.socket.write(clientText('x'));
    server.socket.write(serverText('y'));
    await Promise.all([client.end(), server.end()]);
    assert.deepEqual(framesOf(client.received, false).at(-1), { opcode: OPCODE.close, text: '1011' });
    client.socket.end();
    server.socket.end();
    const result = await front.result();
    assert.deepEqual([result.closedBy, result.error?.code], ['error', 'OUT_INTERNAL']);
  }
});

test('binary messages, and all under an unknown extension, are put to the inspector as opaque', async (t) => {
  const refuse: Inspector = { ...PASS_ALL, opaqueClientMessage: async (bytes) => ({ refuse: `${bytes}`, reason: '' }) };
  for (const [extensions, frame] of [
    ['', encodeFrame(OPCODE.binary, Buffer.alloc(9), MASK)],
    ['x-private', frameWith(0xf1, 'x'.repeat(9), MASK)],
  ] as const) {
    const { client, server } = await rawPair(t, { inspect: refuse, extensions });
    client.socket.write(frame);
    await client.end();
    assert.deepEqual(framesOf(client.received, false)[0], { opcode: OPCODE.text, text: '9' });
    await server.end();
    assert.deepEqual(framesOf(server.received, true), [{ opcode: OPCODE.close, text: '1001' }]);
  }
});

test('a close frame behind a message under verdict reaches the upstream after it, although the client has left', async (t) => {
  const inspect = handInspector();
  const { client, server, front } = await rawPair(t, { inspect });
  const bytes = Buffer.concat([clientText('pending'), encodeClose(1000, '', MASK)]);
  client.socket.end(bytes);
  await inspect.question(1);
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  inspect.asked[0]?.answer('pass');
  await server.end();
  assert.ok(server.received.equals(bytes));
  server.socket.end();
  assert.equal((await front.result()).closedBy, 'client');
});

test('a client that leaves without a close frame is seen upstream although much waits for a verdict', async (t) => {
  const inspect = handInspector();
  const { client, server, front } = await rawPair(t, { inspect });
  client.socket.write(clientText('pending'));
  await inspect.question(1);
  // They cost more than waits for a verdict, so the relay stops; their bytes fit into what it reads ahead, in whatever pieces they come.
  for (let i = 0; i < 220; i++) client.socket.write(clientText('x'.repeat(1000)));
  client.socket.end();
  await server.end();
  assert.equal(server.received.length, 0);
  inspect.asked[0]?.answer('pass');
  assert.equal((await front.result()).messagesUp, 0);
});
