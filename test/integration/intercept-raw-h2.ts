// SPDX-License-Identifier: Apache-2.0
// HTTP/2 frames by hand, for what a well-behaved client would never send, and a look at the frames that come back.

import { GOVERNED } from './intercept-kit.ts';

/** HTTP/2 by hand: frames that a well-behaved client would never send. */
export const rawH2 = {
  preface: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  },
  settings: (): Buffer => rawH2.frame(4, 0, 0),
  /** HPACK without compression: each name and value as a literal that is not indexed (RFC 7541, 6.2.2). */
  headerBlock: (fields: readonly (readonly [string, string])[]): Buffer =>
    Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), hpackText(name), hpackText(value)])),
  post: (path = '/'): Buffer =>
    rawH2.headerBlock([
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', GOVERNED],
      [':path', path],
    ]),
  headers: (stream: number, block: Buffer, flags = 4): Buffer => rawH2.frame(1, flags, stream, block),
  data: (stream: number, bytes: Buffer, flags = 0): Buffer => rawH2.frame(0, flags, stream, bytes),
  reset: (stream: number, code = 8): Buffer => rawH2.frame(3, 0, stream, Buffer.from([0, 0, 0, code])),
  continuation: (stream: number, block: Buffer, flags = 0): Buffer => rawH2.frame(9, flags, stream, block),
};

function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The frames in what a server sent, as type, stream and payload. */
export function framesIn(bytes: Buffer): { type: number; flags: number; stream: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}
