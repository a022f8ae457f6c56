// SPDX-License-Identifier: Apache-2.0
// Reads SNI and ALPN out of a TLS ClientHello before anybody decides what happens to the connection. `parseClientHello` is pure;
// `peekClientHello` watches a socket and puts every byte back. Knows nothing of hosts and policies.

import type { Socket } from 'node:net';
import type { Clock } from '../../contract/clock.ts';
import { canonicalName } from './authority.ts';

export type ClientHello =
  /** `need`: parsing again is pointless below this many bytes in all. */
  | { readonly kind: 'more'; readonly need: number }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'hello'; readonly sni: string | undefined; readonly alpn: readonly string[] };

/** Post-quantum key shares make hellos of 2 KiB; nothing honest comes near this. Bytes. */
export const LARGEST_HELLO = 64 * 1024;

/** A hello may be cut into several records; more than this is an attempt to make us work. */
const MOST_RECORDS = 64;
const LARGEST_RECORD = 16 * 1024 + 256;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;

/** Parses the start of a connection (RFC 8446, 4.1.2 and 5.1). Never throws. */
export function parseClientHello(bytes: Buffer): ClientHello {
  if (bytes.length === 0) return { kind: 'more', need: 1 };
  if (bytes[0] !== HANDSHAKE_RECORD) return { kind: 'not-tls' };
  if (bytes.length > 1 && bytes[1] !== 3) return { kind: 'not-tls' };
  const parts: Buffer[] = [];
  let have = 0;
  let at = 0;
  for (let records = 0; records < MOST_RECORDS; records++) {
    if (bytes.length < at + 5) return { kind: 'more', need: at + 5 };
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3 || length === 0 || length > LARGEST_RECORD) {
      return { kind: 'invalid' };
    }
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    have += length;
    const end = at + 5 + length;
    if (bytes.length < end) return { kind: 'more', need: end };
    at = end;
    if (have < 4) continue;
    const message = parts.length === 1 ? (parts[0] ?? bytes) : Buffer.concat(parts);
    if (message[0] !== CLIENT_HELLO) return { kind: 'invalid' };
    const wanted = 4 + message.readUIntBE(1, 3);
    if (wanted > LARGEST_HELLO) return { kind: 'invalid' };
    if (have >= wanted) return parseBody(message.subarray(4, wanted));
  }
  return { kind: 'invalid' };
}

function parseBody(body: Buffer): ClientHello {
  const reader = new Reader(body);
  try {
    reader.skip(2 + 32); // version, random
    reader.vector(1); // session id
    reader.vector(2); // cipher suites
    reader.vector(1); // compression methods
    if (reader.left === 0) return { kind: 'hello', sni: undefined, alpn: [] };
    const extensions = new Reader(reader.vector(2));
    let sni: string | undefined;
    let alpn: readonly string[] = [];
    const seen = new Set<number>();
    while (extensions.left > 0) {
      const type = extensions.uint(2);
      const data = extensions.vector(2);
      if (seen.has(type)) return { kind: 'invalid' };
      seen.add(type);
      if (type === EXTENSION_SERVER_NAME) {
        sni = serverName(new Reader(data));
        if (sni === undefined) return { kind: 'invalid' };
      }
      if (type === EXTENSION_ALPN) alpn = protocols(new Reader(data));
    }
    return reader.left === 0 ? { kind: 'hello', sni, alpn } : { kind: 'invalid' };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'invalid' };
    throw error;
  }
}

function serverName(data: Reader): string | undefined {
  const list = new Reader(data.vector(2));
  const type = list.uint(1);
  const name = list.vector(2);
  if (type !== 0 || list.left > 0 || data.left > 0) return undefined;
  return canonicalName(name.toString('latin1'));
}

function protocols(data: Reader): readonly string[] {
  const list = new Reader(data.vector(2));
  const names: string[] = [];
  while (list.left > 0) names.push(list.vector(1).toString('latin1'));
  return names;
}

/** A cursor that throws RangeError past the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get left(): number {
    return this.#bytes.length - this.#at;
  }
  skip(count: number): void {
    if (count > this.left) throw new RangeError('short');
    this.#at += count;
  }
  uint(size: 1 | 2): number {
    this.skip(size);
    return this.#bytes.readUIntBE(this.#at - size, size);
  }
  vector(size: 1 | 2): Buffer {
    const length = this.uint(size);
    this.skip(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

export type Peeked =
  | Exclude<ClientHello, { kind: 'more' }>
  | { readonly kind: 'timeout' }
  /** The client's side ended (or broke) first; `bytes` is what it had sent, and is not put back. */
  | { readonly kind: 'ended'; readonly bytes: Buffer };

export interface PeekOptions {
  readonly clock: Clock;
  /** Milliseconds from now to the first byte; undefined waits for ever (the server may speak first). */
  readonly firstByteMs: number | undefined;
  /** Milliseconds from the first byte to a whole hello. */
  readonly helloMs: number;
}

/** Looks at what the client says first. Leaves the socket paused with all its bytes put back, however they were sliced. */
export function peekClientHello(socket: Socket, { clock, firstByteMs, helloMs }: PeekOptions): Promise<Peeked> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let need = 1;
    let timer = firstByteMs === undefined ? undefined : clock.after(firstByteMs, () => settle({ kind: 'timeout' }));
    const settle = (result: Peeked): void => {
      timer?.clear();
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      if (size > 0 && result.kind !== 'ended') socket.unshift(Buffer.concat(chunks, size));
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      if (size === 0) {
        timer?.clear();
        timer = clock.after(helloMs, () => settle({ kind: 'timeout' }));
      }
      chunks.push(chunk);
      size += chunk.length;
      if (size < need) return;
      const parsed = parseClientHello(chunks.length === 1 ? chunk : Buffer.concat(chunks, size));
      if (parsed.kind !== 'more') return settle(parsed);
      need = parsed.need;
      if (need > LARGEST_HELLO + 5 * MOST_RECORDS) settle({ kind: 'invalid' });
    };
    const onEnd = (): void => settle({ kind: 'ended', bytes: Buffer.concat(chunks, size) });
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    if (socket.destroyed || socket.readableEnded) return onEnd();
    socket.resume();
  });
}
