// SPDX-License-Identifier: Apache-2.0
// Opens the upstream connection and carries the handshake up to the head of its answer; nothing is written to the client.
// Knows nothing of frames, and not what is done with the answer.

import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Timer } from '../../../contract/clock.ts';
import { OutpostError } from '../../../contract/errors.ts';
import {
  type AnswerHead,
  encodeRequestHead,
  headLength,
  MAX_HEAD_BYTES,
  parseAnswerHead,
  tokensOf,
  valuesOf,
} from './http-head.ts';
import { Source } from './source.ts';
import type { RelayOptions } from './types.ts';

export type Handshake =
  | { readonly kind: 'answered'; readonly head: AnswerHead; readonly upstream: Duplex; readonly source: Source }
  | { readonly kind: 'failed'; readonly error: OutpostError }
  | { readonly kind: 'gone' };

type Failure = Exclude<Handshake, { kind: 'answered' }>;

/** From RFC 6455 section 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Dials, sends the request head and reads the answer's. An answer other than 101 is given as it is; a 101 is given only
 * when it really switches to WebSocket for this client's key. Never rejects. On failure the upstream socket is destroyed.
 */
export async function shakeHands(options: RelayOptions, client: Source): Promise<Handshake> {
  const request = readRequest(options);
  if (typeof request === 'string') return failed('OUT_BAD_REQUEST', request);

  let upstream: Duplex | undefined;
  let failure: Failure | undefined;
  const cancelled = Promise.withResolvers<undefined>();
  const cancel = (reason: Failure): void => {
    failure ??= reason;
    upstream?.destroy();
    cancelled.resolve(undefined);
  };
  const leave = (): void => cancel({ kind: 'gone' });
  const timer: Timer = options.clock.after(options.limits.handshakeMs, () =>
    cancel(failed('OUT_UPSTREAM_TIMEOUT', 'no answer to the WebSocket handshake')),
  );
  options.gone.addEventListener('abort', leave);
  if (options.gone.aborted) leave();
  let finished = false;
  void client.ended.then(() => finished || leave());

  try {
    const dialling = dial(options.dial);
    const dialled = await Promise.race([dialling, cancelled.promise]);
    if (dialled === undefined || failure !== undefined) {
      void dialling.then((late) => 'socket' in late && discard(late.socket));
      return failure ?? { kind: 'gone' };
    }
    if ('kind' in dialled) return dialled;
    upstream = dialled.socket;
    const source = new Source(upstream, Buffer.alloc(0));
    upstream.write(request.bytes);
    const head = await readAnswer(source);
    if (failure !== undefined) return failure;
    const problem = 'kind' in head ? head : head.status === 101 ? checkSwitch(head, request.key) : undefined;
    if (problem !== undefined || 'kind' in head) {
      upstream.destroy();
      return problem ?? { kind: 'gone' };
    }
    return { kind: 'answered', head, upstream, source };
  } finally {
    finished = true;
    timer.clear();
    options.gone.removeEventListener('abort', leave);
  }
}

function failed(code: OutpostError['code'], detail: string, cause?: unknown): Failure & { kind: 'failed' } {
  return { kind: 'failed', error: new OutpostError(code, detail, { cause }) };
}

/** The request on the wire and its key, or what is wrong with it. A body would be taken for frames by one side only. */
function readRequest({ head }: RelayOptions): { readonly bytes: Buffer; readonly key: string } | string {
  const [key, ...more] = valuesOf(head.headers, 'sec-websocket-key');
  if (key === undefined || more.length > 0) return 'there is not exactly one Sec-WebSocket-Key';
  const lengths = valuesOf(head.headers, 'content-length');
  if (lengths.some((length) => length.trim() !== '0')) return 'an upgrade request with a body';
  if (valuesOf(head.headers, 'transfer-encoding').length > 0) return 'an upgrade request with a body';
  const bytes = encodeRequestHead(head.method, head.target, head.headers);
  return bytes === undefined ? 'the request head is malformed' : { bytes, key: key.trim() };
}

async function dial(connect: () => Promise<Duplex>): Promise<{ readonly socket: Duplex } | Failure> {
  try {
    return { socket: await connect() };
  } catch (cause) {
    if (cause instanceof OutpostError) return { kind: 'failed', error: cause };
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    return failed('OUT_UPSTREAM_UNREACHABLE', `dialling failed: ${code}`, cause);
  }
}

/** A socket that came too late to be wanted. */
function discard(socket: Duplex): void {
  socket.on('error', () => undefined);
  socket.destroy();
}

/** Reads heads until one is final (101 is). What follows it stays in `source`. */
async function readAnswer(source: Source): Promise<AnswerHead | Failure> {
  let bytes: Buffer = Buffer.alloc(0);
  let spent = 0;
  for (;;) {
    const length = headLength(bytes);
    if (spent + (length ?? bytes.length) > MAX_HEAD_BYTES) {
      return failed('OUT_UPSTREAM_BROKEN', 'the head of the handshake answer is too large');
    }
    if (length !== undefined) {
      const head = parseAnswerHead(bytes.subarray(0, length));
      if (head === undefined) return failed('OUT_UPSTREAM_BROKEN', 'the head of the handshake answer is malformed');
      bytes = bytes.subarray(length);
      spent += length;
      if (head.status >= 100 && head.status < 200 && head.status !== 101) continue;
      source.unread(bytes);
      return head;
    }
    const chunk = await source.next();
    if (chunk === undefined) {
      return bytes.length + spent > 0
        ? failed('OUT_UPSTREAM_BROKEN', 'the connection ended inside the head of the handshake answer')
        : failed('OUT_UPSTREAM_UNREACHABLE', 'the connection ended before an answer to the handshake');
    }
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
  }
}

function checkSwitch(head: AnswerHead, key: string): Failure | undefined {
  const accept = createHash('sha1').update(`${key}${ACCEPT_GUID}`).digest('base64');
  const answers = valuesOf(head.headers, 'sec-websocket-accept');
  const switches =
    head.version === '1.1' &&
    tokensOf(head.headers, 'upgrade').join() === 'websocket' &&
    tokensOf(head.headers, 'connection').includes('upgrade') &&
    answers.length === 1 &&
    answers[0] === accept;
  return switches
    ? undefined
    : failed('OUT_UPSTREAM_BROKEN', 'the 101 answer does not switch to WebSocket for this key');
}
