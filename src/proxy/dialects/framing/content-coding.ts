// SPDX-License-Identifier: Apache-2.0
// Content codings (gzip, deflate, br, zstd): a copy of the bytes is decoded for reading, the originals travel on untouched. Bounded
// against decompression bombs: beyond the bound decoding stops and the body counts as not understood.

import zlib from 'node:zlib';

export interface DecodeLimits {
  /** Most bytes that one body may decode to. */
  readonly maxBytes: number;
  /** Most decoded bytes per coded byte, judged once a megabyte has come out. Long repetitive streams reach about 50. */
  readonly maxRatio: number;
}

const DECODE_LIMITS: DecodeLimits = { maxBytes: 256 * 1024 * 1024, maxRatio: 200 };

const RATIO_FROM = 1024 * 1024;
/** RFC 9659: zstd as a content coding has windows of at most 8 MiB (2^23). */
const ZSTD = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } };
/** Codings that may be stacked on one body. */
const MAX_CODINGS = 3;

/** The codings in the order in which they were applied, `identity` left out; undefined: one of them is unknown. */
export function parseContentEncoding(encoding: string): readonly string[] | undefined {
  const codings = encoding
    .split(',')
    .map((name) => name.trim().toLowerCase().replace(/^x-/, ''))
    .filter((name) => name !== '' && name !== 'identity');
  const known = codings.every((name) => name === 'gzip' || name === 'deflate' || name === 'br' || name === 'zstd');
  return known && codings.length <= MAX_CODINGS ? codings : undefined;
}

/**
 * Decodes a whole body.
 * @returns undefined: unknown coding, damaged or cut short, or larger than `maxBytes` when decoded.
 */
export function decodeBody(body: Buffer, encoding: string, maxBytes: number): Buffer | undefined {
  const codings = parseContentEncoding(encoding);
  if (codings === undefined) return undefined;
  let decoded = body;
  try {
    for (const coding of codings.toReversed()) decoded = decodeOne(decoded, coding, maxBytes);
  } catch {
    return undefined;
  }
  return decoded.length <= maxBytes ? decoded : undefined;
}

function decodeOne(body: Buffer, coding: string, maxOutputLength: number): Buffer {
  switch (coding) {
    case 'gzip':
      return zlib.gunzipSync(body, { maxOutputLength });
    case 'br':
      return zlib.brotliDecompressSync(body, { maxOutputLength });
    case 'zstd':
      return zlib.zstdDecompressSync(body, { ...ZSTD, maxOutputLength });
    default:
      return isZlib(body[0], body[1])
        ? zlib.inflateSync(body, { maxOutputLength })
        : zlib.inflateRawSync(body, { maxOutputLength });
  }
}

/** "deflate" means the zlib format, but raw deflate is sent under that name as well. RFC 1950 tells them apart. */
function isZlib(first: number | undefined, second: number | undefined): boolean {
  return first !== undefined && second !== undefined && (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

/** Decodes a body as it passes. All that a chunk holds has been given out when its `write` resolves. */
export interface Decoder {
  /** Never rejects: a failure goes to `onError`, once, and later writes do nothing. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when the last byte is out; a body that was cut short, or goes on after its end, is an error. */
  end(): Promise<void>;
  /** Frees the decoder. Nothing is called after this. */
  close(): void;
}

export type DecodeFailure = 'unknown-coding' | 'damaged' | 'too-large';

/** `onData` gets views that are valid during the call. Nothing is called after `onError`. */
export function createDecoder(
  encoding: string,
  onData: (bytes: Buffer) => void,
  onError: (failure: DecodeFailure) => void,
  limits: DecodeLimits = DECODE_LIMITS,
): Decoder {
  const codings = parseContentEncoding(encoding);
  if (codings === undefined) {
    onError('unknown-coding');
    return { write: async () => {}, end: async () => {}, close: () => {} };
  }
  let decoder: Decoder = {
    write: async (chunk) => onData(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
    end: async () => {},
    close: () => {},
  };
  // The first coding was applied first, so it is undone last.
  for (const coding of codings) decoder = new StreamDecoder(coding, decoder, onError, limits);
  return decoder;
}

type ZlibStream = zlib.Gunzip | zlib.BrotliDecompress | zlib.ZstdDecompress | zlib.Inflate | zlib.InflateRaw;

class StreamDecoder implements Decoder {
  readonly #coding: string;
  readonly #next: Decoder;
  readonly #onError: (failure: DecodeFailure) => void;
  readonly #limits: DecodeLimits;
  #stream: ZlibStream | undefined;
  #early: Buffer = Buffer.alloc(0);
  #read = 0;
  #written = 0;
  #closed = false;
  readonly #waiting = new Set<() => void>();
  #forwarded: Promise<void> = Promise.resolve();

  constructor(coding: string, next: Decoder, onError: (failure: DecodeFailure) => void, limits: DecodeLimits) {
    this.#coding = coding;
    this.#next = next;
    this.#onError = onError;
    this.#limits = limits;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#closed || chunk.length === 0) return;
    this.#read += chunk.length;
    let bytes: Uint8Array = chunk;
    if (this.#stream === undefined) {
      this.#early = Buffer.concat([this.#early, chunk]);
      if (this.#coding === 'deflate' && this.#early.length < 2) return; // its two kinds differ in the second byte
      this.#stream = this.#open(this.#early);
      bytes = this.#early;
    }
    const stream = this.#stream;
    await this.#settled((done) => stream.write(bytes, () => done()));
    await this.#forwarded;
  }

  async end(): Promise<void> {
    if (this.#closed) return;
    const stream = this.#stream ?? this.#open(this.#early);
    if (this.#stream === undefined && this.#early.length > 0) stream.write(this.#early);
    this.#stream = stream;
    await this.#settled((done) => {
      stream.once('end', done);
      stream.end();
    });
    await this.#forwarded;
    if (!this.#closed) await this.#next.end();
  }

  close(): void {
    this.#closed = true;
    this.#stream?.destroy();
    this.#next.close();
    for (const release of this.#waiting) release();
  }

  /** Waits for a callback of the stream, or for the decoder's own end, after which the stream calls back no more. */
  #settled(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      start(done);
    });
  }

  #open(start: Buffer): ZlibStream {
    const stream = openStream(this.#coding, start);
    stream.on('data', (bytes: Buffer) => this.#data(bytes));
    stream.on('error', () => this.#fail('damaged'));
    // More bytes came than the coding has a use for: then the stream ends by itself, and the write never calls back.
    stream.on('end', () => {
      if (!stream.writableEnded) this.#fail('damaged');
    });
    return stream;
  }

  #data(bytes: Buffer): void {
    if (this.#closed) return;
    this.#written += bytes.length;
    const { maxBytes, maxRatio } = this.#limits;
    if (this.#written > maxBytes || (this.#written > RATIO_FROM && this.#written > this.#read * maxRatio)) {
      this.#fail('too-large');
      return;
    }
    this.#forwarded = Promise.all([this.#forwarded, this.#next.write(bytes)]).then(() => {});
  }

  #fail(failure: DecodeFailure): void {
    if (this.#closed) return;
    this.close();
    this.#onError(failure);
  }
}

function openStream(coding: string, start: Buffer): ZlibStream {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress(ZSTD);
    default:
      return isZlib(start[0], start[1]) ? zlib.createInflate() : zlib.createInflateRaw();
  }
}
