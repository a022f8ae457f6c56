// SPDX-License-Identifier: Apache-2.0
// Puts an answer on the wire, with the faults that were asked for. Knows no dialect.

import { once } from 'node:events';
import {
  type BrotliCompress,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  type Deflate,
  type Gzip,
  type ZstdCompress,
} from 'node:zlib';
import type { Clock } from '../../../src/contract/clock.ts';
import { type Answer, content, type WireEvent } from './answer.ts';
import type { After, Fault } from './fault.ts';
import { SIMULATED_TRAILER, type Wire } from './wire.ts';

export type Delivered = 'answered' | 'broken' | 'client-left';

export interface Progress {
  sent(bytes: number, events: number): void;
  /** Called once, just before the last act on the connection. */
  ended(how: Delivered): void;
}

function pause(clock: Clock, ms: number, wire: Wire): Promise<void> {
  return new Promise((resolve) => {
    if (wire.gone) return resolve();
    const timer = clock.after(ms, () => {
      wire.closed.removeEventListener('abort', stop);
      resolve();
    });
    const stop = () => {
      timer.clear();
      resolve();
    };
    wire.closed.addEventListener('abort', stop, { once: true });
  });
}

/** Silence until the client leaves (or the server is closed, which closes the connection). */
async function silence(wire: Wire): Promise<void> {
  if (!wire.gone) await once(wire.closed, 'abort');
}

type Compressor = Gzip | Deflate | BrotliCompress | ZstdCompress;

function compressor(encoding: NonNullable<Fault['encoding']>): Compressor {
  switch (encoding) {
    case 'gzip':
      return createGzip();
    case 'deflate':
      return createDeflate();
    case 'br':
      return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
    case 'zstd':
      return createZstdCompress();
  }
}

/** Compresses event by event so that each can be read as soon as it comes. */
class Encoder {
  readonly #stream: Compressor | undefined;
  #out: Buffer[] = [];

  constructor(encoding: Fault['encoding']) {
    if (encoding === undefined) return;
    this.#stream = compressor(encoding);
    this.#stream.on('data', (chunk: Buffer) => this.#out.push(chunk));
  }

  async event(bytes: Buffer): Promise<Buffer> {
    const stream = this.#stream;
    if (stream === undefined) return bytes;
    stream.write(bytes);
    await new Promise<void>((resolve) => stream.flush(resolve));
    return this.#take();
  }

  async end(): Promise<Buffer> {
    const stream = this.#stream;
    if (stream === undefined) return Buffer.alloc(0);
    stream.end();
    await once(stream, 'end');
    return this.#take();
  }

  #take(): Buffer {
    const all = Buffer.concat(this.#out);
    this.#out = [];
    return all;
  }
}

/** A JSON answer counts as two events so that it can break in the middle. */
function* halves(events: Iterable<WireEvent>): Generator<WireEvent> {
  for (const { bytes } of events) {
    const middle = Math.floor(bytes.length / 2);
    yield content(bytes.subarray(0, middle));
    yield content(bytes.subarray(middle));
  }
}

function reached(after: After | 'head' | undefined, sent: number, next: WireEvent | undefined): boolean {
  if (after === undefined || after === 'head') return false;
  if (after === 'preamble') return next === undefined || next.content;
  return sent >= after;
}

function portal(): Answer {
  const page = '<!doctype html><title>Sign in</title><p>Sign in to this network (simulated)</p>';
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    headers: [],
    streamed: false,
    events: [content(Buffer.from(page))],
    inBandError: Buffer.alloc(0),
  };
}

/** Writes the answer with its faults and reports how it ended. */
export async function deliver(wire: Wire, made: Answer, fault: Fault, clock: Clock, progress: Progress): Promise<void> {
  const finish = (how: Delivered, act?: () => void) => {
    progress.ended(wire.gone ? 'client-left' : how);
    act?.();
  };
  if (fault.delay !== undefined) await pause(clock, fault.delay, wire);
  if (wire.gone) return finish('client-left');
  if (fault.reset === 'head') return finish('broken', wire.reset);
  if (fault.close === true) return finish('broken', wire.close);
  if (fault.hang === 'head') return silence(wire);
  const answer = fault.html === true ? portal() : made;
  const encoder = new Encoder(fault.encoding);
  const events = answer.streamed ? answer.events : [...halves(answer.events)];
  sendHead(wire, answer, fault, events);
  if (fault.hang === 'body') return silence(wire);
  if (fault.empty === true) return finish('answered', wire.end);

  const write = async (bytes: Buffer): Promise<void> => {
    const step = fault.split ?? bytes.length;
    for (let from = 0; from < bytes.length && !wire.gone; from += step) {
      const piece = bytes.subarray(from, from + step);
      await wire.write(piece);
      progress.sent(piece.length, 0);
      if (fault.drip !== undefined) await pause(clock, fault.drip, wire);
    }
  };
  let sent = 0;
  /** True when a fault ended the answer here. */
  const broke = async (next: WireEvent | undefined): Promise<boolean> => {
    const due = (after: Fault['reset']) => reached(after, sent, next);
    if (due(fault.stall)) await silence(wire);
    else if (due(fault.cut)) finish('broken', wire.close);
    else if (due(fault.reset)) finish('broken', wire.reset);
    else if (due(fault.error) || due(fault.truncate)) {
      if (due(fault.error)) await write(await encoder.event(answer.inBandError));
      await write(await encoder.end());
      finish('answered', wire.end);
    } else return false;
    return true;
  };
  for (const event of events) {
    if (await broke(event)) return;
    if (fault.gap !== undefined && sent > 0) await pause(clock, fault.gap, wire);
    if (wire.gone) return finish('client-left');
    await write(await encoder.event(event.bytes));
    sent += 1;
    progress.sent(0, 1);
  }
  if (await broke(undefined)) return;
  await write(await encoder.end());
  finish('answered', wire.end);
}

function sendHead(wire: Wire, answer: Answer, fault: Fault, events: Iterable<WireEvent>): void {
  if (fault.hints === true) wire.hints();
  const trailers = fault.trailers === true ? SIMULATED_TRAILER : [];
  const headers = [
    'content-type',
    answer.contentType,
    ...answer.headers,
    ...(fault.encoding === undefined ? [] : ['content-encoding', fault.encoding]),
    ...(answer.streamed ? ['cache-control', 'no-cache'] : []),
  ];
  // A promised length would turn a clean early end into a broken one, and compressed bodies are made as they go.
  const early = fault.truncate !== undefined || fault.error !== undefined;
  const known = !answer.streamed && fault.encoding === undefined && trailers.length === 0 && !early;
  let length: number | undefined;
  if (fault.empty === true) length = 0;
  else if (known) for (const { bytes } of events) length = (length ?? 0) + bytes.length;
  wire.head(answer.status, headers, length, trailers);
}
