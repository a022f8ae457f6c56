// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import type { Extension } from './extensions.ts';
import { encodeFrame, FrameSplitter, OPCODE } from './frame.ts';
import { type Message, MessageReader } from './message.ts';

const DEFLATE: Extension = { kind: 'deflate', clientTakeover: false, serverTakeover: false };

interface Setup {
  readonly extension?: Extension;
  readonly maxBytes?: number;
}

/** All messages that a reader makes of the frames of a client, given in slices. */
async function messages(bytes: Buffer, slice: number, { extension, maxBytes }: Setup = {}): Promise<Message[]> {
  const reader = new MessageReader({
    extension: extension ?? { kind: 'none' },
    from: 'client',
    maxBytes: maxBytes ?? 1e6,
  });
  const splitter = new FrameSplitter({ masked: true, reserved: extension === undefined ? 'none' : 'deflate' });
  const list: Message[] = [];
  for (let at = 0; at < bytes.length; at += slice) {
    for (const piece of splitter.push(bytes.subarray(at, at + slice)).pieces) {
      if (piece.frame.control) continue;
      const message = await reader.add(piece);
      if (message !== undefined) list.push(message);
    }
  }
  reader.close();
  return list;
}

function frame(first: number, payload: string | Buffer): Buffer {
  const bytes = encodeFrame(OPCODE.text, Buffer.from(payload), randomBytes(4));
  bytes[0] = first;
  return bytes;
}

const compress = (text: string): Buffer =>
  deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

test('fragments around a ping, with a character split between them, become one text, in any slices', async () => {
  const euro = Buffer.from('a€b');
  const bytes = Buffer.concat([
    frame(0x01, euro.subarray(0, 2)),
    frame(0x89, 'ping'),
    frame(0x00, ''),
    frame(0x80, euro.subarray(2)),
    frame(0x81, '\ufeffnext'),
  ]);
  for (let slice = 1; slice < 20; slice++) {
    assert.deepEqual(await messages(bytes, slice), [
      { kind: 'text', text: 'a€b' },
      { kind: 'text', text: '\ufeffnext' },
    ]);
  }
});

test('a compressed message in fragments beside a plain one', async () => {
  const text = 'compressed '.repeat(50);
  const packed = compress(text);
  const bytes = Buffer.concat([
    frame(0x41, packed.subarray(0, 9)),
    frame(0x80, packed.subarray(9)),
    frame(0x81, 'plain'),
  ]);
  for (const slice of [1, 3, 1000]) {
    assert.deepEqual(await messages(bytes, slice, { extension: DEFLATE }), [
      { kind: 'text', text },
      { kind: 'text', text: 'plain' },
    ]);
  }
});

test('binary, invalid UTF-8, broken deflate and an unknown extension are opaque, with their size on the wire', async () => {
  assert.deepEqual(await messages(frame(0x82, 'binary'), 4), [{ kind: 'opaque', bytes: 6 }]);
  assert.deepEqual(await messages(frame(0x81, Buffer.from([0xc3, 0x28])), 99), [{ kind: 'opaque', bytes: 2 }]);
  const broken = frame(0xc1, Buffer.from([0xff, 0xff, 0xff]));
  assert.deepEqual(await messages(broken, 99, { extension: DEFLATE }), [{ kind: 'opaque', bytes: 3 }]);
  const compressedBinary = Buffer.concat([frame(0xc2, compress('x')), frame(0x81, 'text')]);
  assert.deepEqual(
    (await messages(compressedBinary, 5, { extension: DEFLATE })).map(({ kind }) => kind),
    ['opaque', 'text'],
  );
  assert.deepEqual(await messages(frame(0x81, 'text'), 99, { extension: { kind: 'unknown' } }), [
    { kind: 'opaque', bytes: 4 },
  ]);
});

test('with takeover a text may refer back to a binary message', async () => {
  const stream = createDeflateRaw();
  const packed = async (data: Buffer): Promise<Buffer> => {
    stream.write(data);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    return (stream.read() as Buffer).subarray(0, -4);
  };
  const phrase = Buffer.from(randomBytes(200).toString('hex'));
  const bytes = Buffer.concat([frame(0xc2, await packed(phrase)), frame(0xc1, await packed(phrase))]);
  stream.close();
  const extension: Extension = { kind: 'deflate', clientTakeover: true, serverTakeover: false };
  const [binary, text] = await messages(bytes, 50, { extension });
  assert.equal(binary?.kind, 'opaque');
  assert.deepEqual(text, { kind: 'text', text: phrase.toString() });
});

test('the limit holds for a frame that only announces itself, for fragments, for what inflates, and for crumbs', async () => {
  const reader = new MessageReader({ extension: { kind: 'none' }, from: 'client', maxBytes: 100 });
  const [head] = new FrameSplitter({ masked: true, reserved: 'none' }).push(
    frame(0x81, 'x'.repeat(200)).subarray(0, 10),
  ).pieces;
  assert.ok(head);
  assert.equal(await reader.add(head), undefined);
  assert.equal(reader.tooLarge, true);
  assert.equal(reader.bytes, 200);

  const limit = { maxBytes: 100 };
  const fragments = Buffer.concat([frame(0x01, 'x'.repeat(60)), frame(0x80, 'x'.repeat(60)), frame(0x81, 'fits')]);
  assert.deepEqual(await messages(fragments, 7, limit), [
    { kind: 'opaque', bytes: 120 },
    { kind: 'text', text: 'fits' },
  ]);
  const [inflated] = await messages(frame(0xc1, compress('x'.repeat(200))), 99, { ...limit, extension: DEFLATE });
  assert.equal(inflated?.kind, 'opaque');
  const crumbs = Buffer.concat([
    frame(0x01, ''),
    ...Array.from({ length: 70_000 }, () => frame(0x00, '')),
    frame(0x80, ''),
  ]);
  assert.deepEqual(await messages(crumbs, 65_536), [{ kind: 'opaque', bytes: 0 }]);
});
