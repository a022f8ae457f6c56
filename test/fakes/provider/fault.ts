// SPDX-License-Identifier: Apache-2.0
// The vocabulary of things that go wrong, and its short text form for headers and model names. Pure.

/** A count of wire events, or 'preamble': all lifecycle events before the first content. For a JSON answer an event is half of the body. */
export type After = number | 'preamble';

/** What one answer does other than be right. Fields combine. */
export interface Fault {
  /** Answers with this status and the dialect's own error body. */
  readonly status?: number;
  /** Value of Retry-After, with `status`. */
  readonly 'retry-after'?: string;
  /** Milliseconds of silence before the head. */
  readonly delay?: number;
  /** TCP reset (HTTP/2: RST_STREAM) before the head, or after events. */
  readonly reset?: 'head' | After;
  /** Closes the connection before the head, with an ordinary FIN. */
  readonly close?: true;
  /** Never answers: no head, or a head and then nothing. */
  readonly hang?: 'head' | 'body';
  /** Falls silent after events and keeps the connection open. */
  readonly stall?: After;
  /** Closes the connection after events, without ending the answer. */
  readonly cut?: After;
  /** Ends the answer cleanly after events: no terminal event, JSON broken off. */
  readonly truncate?: After;
  /** Sends the dialect's in-band error after events, then ends cleanly. */
  readonly error?: After;
  /** Status 200 and no body. */
  readonly empty?: true;
  /** Status 200 and a web page, as a captive portal does. */
  readonly html?: true;
  /** Milliseconds between events. */
  readonly gap?: number;
  /** Writes pieces of so many bytes, each on its own: 1 = a break at every byte. */
  readonly split?: number;
  /** Milliseconds between the pieces of `split`: a slow drip. */
  readonly drip?: number;
  /** Sends 103 Early Hints before the answer. */
  readonly hints?: true;
  /** Sends trailers after the body. */
  readonly trailers?: true;
  /** Pads the answer's text to at least so many mebibytes. */
  readonly size?: number;
  /** Number of text pieces. */
  readonly pieces?: number;
  /** Compresses the body, whatever the client accepts. */
  readonly encoding?: 'gzip' | 'br' | 'zstd' | 'deflate';
  /** With `Expect: 100-continue`: never says 100, or refuses with 417. */
  readonly expect?: 'silent' | 'refuse';
  /** Stops reading the request body after so many bytes; on HTTP/1.1 the client's leaving then goes unseen. */
  readonly unread?: number;
}

const NUMBERS = ['status', 'delay', 'gap', 'split', 'drip', 'size', 'pieces', 'unread'] as const;
const FLAGS = ['close', 'empty', 'html', 'hints', 'trailers'] as const;
const AFTERS = ['stall', 'cut', 'truncate', 'error', 'reset'] as const;
const WORDS: Readonly<Record<string, readonly string[]>> = {
  hang: ['head', 'body'],
  encoding: ['gzip', 'br', 'zstd', 'deflate'],
  expect: ['silent', 'refuse'],
};

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`fault ${name} needs a whole number, not "${value}"`);
  return Number(value);
}

function one(name: string, value: string): number | string | true {
  if ((NUMBERS as readonly string[]).includes(name)) return wholeNumber(name, value);
  if ((FLAGS as readonly string[]).includes(name)) return true;
  if ((AFTERS as readonly string[]).includes(name)) {
    if (value === 'preamble' || (name === 'reset' && value === 'head')) return value;
    return wholeNumber(name, value);
  }
  if (name === 'retry-after' && value !== '') return value;
  if (WORDS[name]?.includes(value)) return value;
  throw new Error(`unknown fault "${name}=${value}"`);
}

/**
 * Reads `status=429; retry-after=2`, `cut=3`, `close`, `stall=preamble; gap=10`. Parts are separated by `;` (headers)
 * or `+` (model names). Throws on what it does not know.
 */
export function parseFault(source: string): Fault {
  const fault: Record<string, number | string | true> = {};
  for (const part of source.split(/[;+]/)) {
    const [name = '', value = ''] = part.split('=').map((word) => word.trim());
    if (name !== '') fault[name] = one(name, value);
  }
  return fault as Fault;
}

/** Splits `gpt-4o+cut=3` into the model and its fault. */
export function faultOfModel(model: string): { readonly model: string; readonly fault: Fault | undefined } {
  const plus = model.indexOf('+');
  if (plus < 0) return { model, fault: undefined };
  return { model: model.slice(0, plus), fault: parseFault(model.slice(plus + 1)) };
}
