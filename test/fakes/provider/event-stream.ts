// SPDX-License-Identifier: Apache-2.0
// Writes messages of the AWS event-stream framing (vnd.amazon.eventstream). Written from the format's description and on
// its own, so that the agent's decoder is tested against a second reading of it.

import { crc32 } from 'node:zlib';

function header(name: string, value: string): Buffer {
  const key = Buffer.from(name);
  const text = Buffer.from(value);
  const out = Buffer.alloc(1 + key.length + 3 + text.length);
  out.writeUInt8(key.length, 0);
  key.copy(out, 1);
  out.writeUInt8(7, 1 + key.length); // type 7: string
  out.writeUInt16BE(text.length, 2 + key.length);
  text.copy(out, 4 + key.length);
  return out;
}

/** One message: total length, header length, CRC of these, headers, payload, CRC of all. */
function eventStreamMessage(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const out = Buffer.alloc(16 + head.length + payload.length);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(head.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  head.copy(out, 12);
  payload.copy(out, 12 + head.length);
  out.writeUInt32BE(crc32(out.subarray(0, out.length - 4)), out.length - 4);
  return out;
}

export function eventStreamEvent(type: string, value: unknown): Buffer {
  return eventStreamMessage(
    { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' },
    Buffer.from(JSON.stringify(value)),
  );
}

export function eventStreamException(type: string, message: string): Buffer {
  return eventStreamMessage(
    { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' },
    Buffer.from(JSON.stringify({ message })),
  );
}
