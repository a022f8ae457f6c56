// SPDX-License-Identifier: Apache-2.0
// What Outpost itself says to a caller: refusals and failures in the shape that the caller's SDK expects, and the headers that
// every governed answer carries. Does not decide anything.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import type { ErrorClass, NativeError, Recognised } from '../dialects/dialect.ts';
import { dialectOf, unknownError } from '../dialects/index.ts';
import { closeAfter } from '../intercept/lingering-close.ts';
import type { HttpCall } from './call.ts';
import { headerValue } from './edits.ts';

export interface Said {
  readonly code: ErrorCode;
  /** A rule's own sentence instead of the catalogue's. */
  readonly message?: string | undefined;
  readonly request: string;
  readonly decision?: string | undefined;
  /** Where the call would have gone, or went in vain. */
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly attempts?: number;
  /** Milliseconds after which another try makes sense. */
  readonly retryAfterMs?: number | undefined;
  /** What each attempt met, in words of ours: `openai=transient`. */
  readonly detail?: readonly string[];
}

export interface Answered {
  readonly request: string;
  readonly provider: string;
  readonly model: string | undefined;
  /** Number of the attempt that answered; undefined where there is but one way (WebSockets, duplex calls). */
  readonly attempts?: number;
  /** The provider that was to answer, where this is another. */
  readonly fallbackFrom?: string | undefined;
  /** Codes of what the translation lost. */
  readonly losses?: readonly string[];
}

/** The headers of `x-outpost-*` for an answer by a provider. */
export function whoAnswered(said: Answered): string[] {
  const headers = ['x-outpost-request-id', said.request, 'x-outpost-provider', headerValue(said.provider)];
  if (said.model !== undefined) headers.push('x-outpost-model', headerValue(said.model));
  if (said.attempts !== undefined) headers.push('x-outpost-attempts', String(said.attempts));
  if (said.fallbackFrom !== undefined) headers.push('x-outpost-fallback-from', headerValue(said.fallbackFrom));
  if (said.losses !== undefined && said.losses.length > 0) headers.push('x-outpost-loss', codeList(said.losses));
  return headers;
}

/** Codes of ours with commas, whole ones only, at most 512 characters. */
export function codeList(codes: readonly string[]): string {
  let text = '';
  for (const code of codes) {
    const longer = text === '' ? code : `${text},${code}`;
    if (longer.length > 512) return text;
    text = longer;
  }
  return text;
}

const CLASS_BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  400: 'invalid-request',
  401: 'authentication',
  403: 'permission',
  404: 'not-found',
  429: 'rate-limit',
  503: 'overloaded',
};

export function nativeError(said: Said): NativeError {
  const entry = ERRORS[said.code];
  const sentence = said.message ?? entry.user;
  return {
    status: entry.status,
    code: said.code,
    // The id is in the text too: most clients show the message and drop the headers.
    message: `${sentence} (Outpost ${said.decision ?? said.request})`,
    class: CLASS_BY_STATUS[entry.status] ?? 'server',
  };
}

interface WholeAnswer {
  readonly status: number;
  readonly headers: string[];
  readonly body: Buffer;
}

export function errorAnswer(
  said: Said,
  recognised: Recognised | undefined,
  error: NativeError = nativeError(said),
): WholeAnswer {
  const native = recognised === undefined ? unknownError(error) : dialectOf(recognised.dialect).errorAnswer(error);
  const headers = [
    'content-type',
    native.contentType,
    'content-length',
    String(native.body.length),
    'cache-control',
    'no-store',
    ...native.headers,
    'x-outpost-request-id',
    said.request,
  ];
  if (said.provider !== undefined) headers.push('x-outpost-provider', headerValue(said.provider));
  if (said.model !== undefined) headers.push('x-outpost-model', headerValue(said.model));
  if (said.decision !== undefined) headers.push('x-outpost-decision', said.decision);
  if (said.attempts !== undefined) headers.push('x-outpost-attempts', String(said.attempts));
  if (said.detail !== undefined && said.detail.length > 0) {
    headers.push('x-outpost-attempts-detail', codeList(said.detail.map(headerValue)));
  }
  if (said.retryAfterMs !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(said.retryAfterMs / 1_000))));
  }
  // openai, anthropic and groq SDKs obey it; without it they repeat 5xx answers twice (translation.md 4.4).
  if (!ERRORS[said.code].retryable) headers.push('x-should-retry', 'false');
  return { status: error.status, headers, body: native.body };
}

/** Answers a call whole. The rest of its body is thrown away as it comes, so that the connection stays usable. */
export function sayToCall(
  call: HttpCall,
  said: Said,
  recognised: Recognised | undefined,
  /** In other words than the catalogue's. */
  error?: NativeError,
): void {
  if (call.reply.started) return call.reply.abort();
  const answer = errorAnswer(said, recognised, error);
  call.body.on('error', () => undefined);
  call.body.resume();
  call.reply.head(answer.status, answer.headers);
  if (call.method !== 'HEAD') call.reply.write(answer.body);
  call.reply.end();
}

/** Answers an upgrade that will not be: a plain HTTP answer, then the socket is closed. */
export function sayToSocket(socket: Duplex, said: Said, recognised: Recognised | undefined, clock: Clock): void {
  const answer = errorAnswer(said, recognised);
  let head = `HTTP/1.1 ${answer.status} ${answer.status === 400 ? 'Bad Request' : 'Error'}\r\n`;
  for (let i = 0; i + 1 < answer.headers.length; i += 2) head += `${answer.headers[i]}: ${answer.headers[i + 1]}\r\n`;
  closeAfter(socket, Buffer.concat([Buffer.from(`${head}connection: close\r\n\r\n`, 'latin1'), answer.body]), clock);
}
