// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync } from 'node:zlib';
import { MessageInflater } from './inflate.ts';

const MAX = 1024 * 1024;
const NONE = Buffer.alloc(0);

/** Compresses messages as a sender with context takeover does. */
function sender(windowBits = 15): (text: string | Buffer) => Promise<Buffer> {
  const stream: DeflateRaw = createDeflateRaw({ windowBits });
  const out: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => out.push(chunk));
  return (text) =>
    new Promise((resolve) => {
      stream.write(text);
      stream.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(out.splice(0)).subarray(0, -4)));
    });
}

function alone(text: string | Buffer): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

async function read(inflater: MessageInflater, message: Buffer, slice = message.length): Promise<string | undefined> {
  let at = 0;
  for (; at + slice < message.length; at += slice) await inflater.write(message.subarray(at, at + slice));
  return (await inflater.finish(message.subarray(at)))?.toString();
}

test('the examples of RFC 7692 section 7.2.3 are read', async () => {
  const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
  const hello = ['f248cdc9c90700', 'f200110000', '000500faff48656c6c6f00', 'f248050000 00ffff cac9c90700'];
  for (const hex of hello)
    assert.equal(await read(inflater, Buffer.from(hex.replaceAll(' ', ''), 'hex')), 'Hello', hex);
  assert.equal(await read(inflater, NONE), '');
  inflater.close();
});

test('a final block may end a message, with and without the padding byte, but nothing may hide behind it', async () => {
  const inflater = new MessageInflater({ takeover: false, maxBytes: MAX });
  assert.equal(await read(inflater, Buffer.from('f348cdc9c90700', 'hex')), 'Hello');
  assert.equal(await read(inflater, Buffer.from('f348cdc9c9070000', 'hex')), 'Hello');
  const two = Buffer.concat([deflateRawSync('harmless'), deflateRawSync('smuggled')]);
  for (const slice of [1, 5, two.length]) assert.equal(await read(inflater, two, slice), undefined);
  assert.equal(await read(inflater, Buffer.from('f348cdc9c9070001', 'hex')), undefined);
  assert.equal(await read(inflater, alone('after')), 'after');
  inflater.close();
});

test('the window lasts over many messages, in any slices', async () => {
  for (const slice of [1, 7, 65_536]) {
    const compress = sender();
    const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
    for (let i = 0; i < 30; i++) {
      const text = `{"type":"response.output_text.delta","i":${i},"delta":"${'word '.repeat(i)}"}`;
      assert.equal(await read(inflater, await compress(text), slice), text);
    }
    inflater.close();
  }
});

test('a stream with a small window is read', async () => {
  const compress = sender(9);
  const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
  for (let i = 0; i < 5; i++) {
    const text = randomBytes(700).toString('hex').repeat(2);
    assert.equal(await read(inflater, await compress(text)), text);
  }
  inflater.close();
});

test('without takeover each message stands alone, and a broken one spoils only itself', async () => {
  const inflater = new MessageInflater({ takeover: false, maxBytes: MAX });
  assert.equal(await read(inflater, alone('one')), 'one');
  assert.equal(await read(inflater, Buffer.from('ffffffff', 'hex')), undefined);
  assert.equal(await read(inflater, alone('two')), 'two');
  inflater.close();
});

test('with takeover a broken message makes the later ones unreadable', async () => {
  const compress = sender();
  const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
  assert.equal(await read(inflater, await compress('one')), 'one');
  assert.equal(await read(inflater, Buffer.from('ffffffff', 'hex')), undefined);
  assert.equal(await read(inflater, await compress('one again')), undefined);
  inflater.close();
});

test('a message over the limit is not given, and the window survives it', async () => {
  const compress = sender();
  const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
  const large = 'large '.repeat(400_000);
  const message = await compress(large);
  await inflater.write(message.subarray(0, -1));
  assert.equal(inflater.tooLarge, true);
  assert.equal(await inflater.finish(message.subarray(-1)), undefined);
  assert.equal(await read(inflater, await compress('large small')), 'large small');
  const exact = 'x'.repeat(MAX);
  assert.equal(await read(inflater, await compress(exact)), exact);
  assert.equal(await read(inflater, await compress(`${exact}x`)), undefined);
  inflater.close();
});

test('output over the limit is not kept', async () => {
  const compress = sender();
  const large = await compress(Buffer.alloc(120 * MAX));
  const inflater = new MessageInflater({ takeover: true, maxBytes: 8 * MAX });
  const before = process.memoryUsage().rss;
  assert.equal(await read(inflater, large), undefined);
  assert.ok(process.memoryUsage().rss - before < 64 * MAX);
  assert.equal(await read(inflater, await compress('after')), 'after');
  inflater.close();
});

test('a bomb is given up in bounded memory', async () => {
  const bomb = alone(Buffer.alloc(200 * 1024 * 1024));
  const inflater = new MessageInflater({ takeover: true, maxBytes: MAX });
  const before = process.memoryUsage().rss;
  assert.equal(await read(inflater, bomb), undefined);
  assert.ok(process.memoryUsage().rss - before < 48 * 1024 * 1024);
  assert.equal(await read(inflater, alone('after')), undefined);
});
