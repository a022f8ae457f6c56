// SPDX-License-Identifier: Apache-2.0
// Finds the end of an HTTP/1.1 answer's body (RFC 9112 section 6) while its bytes pass untouched. Pure. Knows nothing of
// WebSocket or sockets.

import { type AnswerHead, tokensOf, valuesOf } from './http-head.ts';

export interface BodyScan {
  /** How many of these bytes belong to the body; fewer than given only at its end. Undefined: the framing is broken. */
  take(chunk: Buffer): number | undefined;
  readonly done: boolean;
  /** The end of the connection is the end of the body. */
  readonly untilClose: boolean;
}

/** Undefined when the head does not say unambiguously where the body ends. */
export function scanBody(head: AnswerHead): BodyScan | undefined {
  const lengths = valuesOf(head.headers, 'content-length');
  const codings = tokensOf(head.headers, 'transfer-encoding');
  if (lengths.length > 1 || (lengths.length > 0 && codings.length > 0)) return undefined;
  if (head.status === 204 || head.status === 304) return new Counted(0);
  if (codings.length > 0) return codings.length === 1 && codings[0] === 'chunked' ? new Chunked() : undefined;
  const [length] = lengths;
  if (length === undefined) return { take: (chunk) => chunk.length, done: false, untilClose: true };
  return /^\d{1,15}$/.test(length) ? new Counted(Number(length)) : undefined;
}

class Counted implements BodyScan {
  readonly untilClose = false;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  take(chunk: Buffer): number {
    const taken = Math.min(chunk.length, this.#left);
    this.#left -= taken;
    return taken;
  }
}

/** Longest size line or trailer line. Bytes. */
const MAX_LINE = 8 * 1024;

class Chunked implements BodyScan {
  readonly untilClose = false;
  done = false;
  #line = '';
  /** Bytes of chunk data, with their CRLF, still to come. */
  #data = 0;
  #trailers = false;

  take(chunk: Buffer): number | undefined {
    let at = 0;
    while (at < chunk.length && !this.done) {
      if (this.#data > 0) {
        const taken = Math.min(this.#data, chunk.length - at);
        this.#data -= taken;
        at += taken;
        continue;
      }
      this.#line += String.fromCharCode(chunk[at++] ?? 0);
      if (this.#line.length > MAX_LINE) return undefined;
      if (!this.#line.endsWith('\n')) continue;
      if (!this.#endLine()) return undefined;
    }
    return at;
  }

  #endLine(): boolean {
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r\n')) return false;
    if (this.#trailers) {
      this.done = line === '\r\n';
      return true;
    }
    const [, size] = /^([0-9a-fA-F]{1,12})[\t ]*(?:;.*)?\r\n$/.exec(line) ?? [];
    if (size === undefined) return false;
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) this.#trailers = true;
    else this.#data = bytes + 2;
    return true;
  }
}
