// SPDX-License-Identifier: Apache-2.0
// The WebSocket relay byte by byte: frames untouched, broken frames, slow sides.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { encodeFrame, OPCODE } from '../../src/proxy/exchange/websocket/frame.ts';
import {
  clientText,
  fill,
  framesOf,
  frameWith,
  MASK,
  MIB,
  PASS_ALL,
  PING,
  rawPair,
  serverText,
} from './websocket-relay.fixture.ts';

for (const inspected of [false, true]) {
  test(`frames pass as the bytes they came in, ${inspected ? 'inspected' : 'metered'}, in odd slices`, async (t) => {
    const { client, server, front } = await rawPair(t, inspected ? { inspect: PASS_ALL } : {});
    const odd = Buffer.from('81fe000501020304', 'hex');
    const up = Buffer.concat([
      clientText('masked'),
      Buffer.concat([odd, Buffer.from([1, 2, 3, 4, 5])]),
      frameWith(0x01, 'a', Buffer.from([9, 8, 7, 6])),
      frameWith(0x00, randomBytes(70_000), randomBytes(4)),
      frameWith(0x80, '', randomBytes(4)),
      frameWith(0x82, randomBytes(MIB), randomBytes(4)),
    ]);
    const down = Buffer.concat([serverText('x'), frameWith(0x02, randomBytes(300)), frameWith(0x80, randomBytes(MIB))]);
    const pump = async (socket: Duplex, bytes: Buffer): Promise<void> => {
      for (let at = 0, slice = 1; at < bytes.length; at += slice, slice = Math.min(slice * 3, 100_001)) {
        const written = new Promise((resolve) => socket.write(bytes.subarray(at, at + slice), resolve));
        await written;
      }
    };
    await Promise.all([pump(client.socket, up), pump(server.socket, down)]);
    assert.ok((await server.bytes(up.length)).equals(up));
    assert.ok((await client.bytes(down.length)).equals(down));
    client.socket.destroy();
    const result = await front.result();
    assert.deepEqual(
      [result.bytesUp, result.bytesDown, result.messagesUp, result.messagesDown, result.closedBy, result.closeCode],
      [up.length, down.length, 4, 2, 'client', undefined],
    );
  });
}

const BROKEN_CLIENT: readonly [string, Buffer][] = [
  ['an unmasked frame', serverText('x')],
  ['a reserved opcode', frameWith(0x83, 'x', MASK)],
  ['a reserved bit', frameWith(0xa1, 'x', MASK)],
  ['RSV1 without deflate', frameWith(0xc1, 'x', MASK)],
  ['a ping of 126 bytes', frameWith(0x89, Buffer.alloc(126), MASK)],
  ['a fragmented ping', frameWith(0x09, 'x', MASK)],
  ['a continuation of nothing', frameWith(0x80, 'x', MASK)],
  ['a length of 2^63', Buffer.from('82ff8000000000000000', 'hex')],
];
for (const inspected of [false, true]) {
  for (const [name, bytes] of BROKEN_CLIENT) {
    test(`${name} from the client ends both sides with 1002, ${inspected ? 'inspected' : 'metered'}`, async (t) => {
      const { client, server, front } = await rawPair(t, inspected ? { inspect: PASS_ALL } : {});
      client.socket.write(clientText('good'));
      await server.bytes(clientText('good').length);
      client.socket.write(Buffer.concat([bytes, MASK]));
      await Promise.all([client.end(), server.end()]);
      assert.deepEqual(framesOf(client.received, false), [{ opcode: OPCODE.close, text: '1002' }]);
      assert.deepEqual(framesOf(server.received, true), [
        { opcode: OPCODE.text, text: 'good' },
        { opcode: OPCODE.close, text: '1002' },
      ]);
      client.socket.end();
      server.socket.end();
      const result = await front.result();
      assert.deepEqual([result.closedBy, result.closeCode, result.error?.code], ['error', 1002, 'OUT_BAD_REQUEST']);
    });
  }
}

for (const [name, bytes] of [
  ['a masked frame', clientText('x')],
  ['a reserved opcode', frameWith(0x8b, 'x')],
  ['RSV1 without deflate', frameWith(0xc1, 'x')],
] as const) {
  test(`${name} from the upstream ends both sides with 1002; what stood before it arrives`, async (t) => {
    const { client, server, front } = await rawPair(t, { inspect: PASS_ALL });
    server.socket.write(Buffer.concat([serverText('good'), bytes]));
    await Promise.all([client.end(), server.end()]);
    assert.deepEqual(framesOf(client.received, false), [
      { opcode: OPCODE.text, text: 'good' },
      { opcode: OPCODE.close, text: '1002' },
    ]);
    assert.deepEqual(framesOf(server.received, true), [{ opcode: OPCODE.close, text: '1002' }]);
    client.socket.end();
    server.socket.end();
    assert.equal((await front.result()).error?.code, 'OUT_UPSTREAM_BROKEN');
  });
}

for (const inspected of [false, true]) {
  const inspect = inspected ? { inspect: PASS_ALL } : {};
  const mode = inspected ? 'inspected' : 'metered';
  for (const slow of ['client', 'upstream'] as const) {
    test(`${slow === 'client' ? 'a client' : 'an upstream'} that does not read stops the other side, and memory stays, ${mode}`, async (t) => {
      const fromClient = slow === 'upstream';
      const { client, server } = await rawPair(t, { ...inspect, reading: fromClient, upstreamReading: !fromClient });
      const [writer, reader] = fromClient ? [client, server] : [server, client];
      const frame = encodeFrame(OPCODE.text, Buffer.alloc(256 * 1024, 'x'), fromClient ? MASK : undefined);
      const before = process.memoryUsage().rss;
      const taken = await fill(writer.socket, frame, 200 * MIB);
      const growth = process.memoryUsage().rss - before;
      assert.ok(taken < 24 * MIB, `${taken} bytes were taken`);
      assert.ok(growth < 32 * MIB, `grew by ${growth}`);
      let read = 0;
      reader.socket.on('data', (bytes: Buffer) => {
        read += bytes.length;
      });
      reader.socket.resume();
      await reader.until(() => read >= taken, 'the rest');
    });
  }
}

test('a flood of pings into a half-sent message of a slow upstream is bounded and stays between its frames', async (t) => {
  const { client, server } = await rawPair(t, {
    inspect: PASS_ALL,
    upstreamReading: false,
    limits: { messageBytes: 1000 },
  });
  const part = frameWith(0x01, Buffer.alloc(4 * MIB), MASK);
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => PING));
  client.socket.write(Buffer.concat([part, flood, frameWith(0x00, Buffer.alloc(4 * MIB), MASK)]));
  const taken = await fill(client.socket, flood, 64 * MIB);
  assert.ok(taken < 12 * MIB, `${taken} bytes were taken`);
  client.socket.write(frameWith(0x80, '', MASK));
  server.read();
  server.socket.resume();
  await server.bytes(2 * part.length + flood.length + taken + 6);
  const frames = framesOf(server.received, true);
  assert.equal(frames.filter(({ opcode }) => opcode === OPCODE.ping).length, (flood.length + taken) / PING.length);
  assert.equal(frames.find(({ opcode }) => opcode === OPCODE.text)?.text.length, 8 * MIB);
});
