// SPDX-License-Identifier: Apache-2.0
// The headers of an attempt, all but its credential: a fresh set, of which the caller decides a few by value. Nothing of the caller's
// passes because nobody thought of it: its Authorization, cookies, account and SDK headers are for the provider that it addressed. Pure.

import { pairs } from '../../../contract/http-headers.ts';
import type { DialectId } from '../../dialects/dialect.ts';
import type { RawHeaders } from '../../exchange/call.ts';
import type { ProviderType } from '../provider-types/provider-type.ts';

/** The only version there is; a caller's other date wins. */
const ANTHROPIC_VERSION = '2023-06-01';

/** Longest value that is taken over from a caller. */
const MAX_VALUE = 2_048;

/** Bound to the kind of credential of the caller, which does not go along: nobody misses them. */
const ACCOUNT_BETAS = /^oauth-/;

/** More than any caller asks for. */
const MAX_BETAS = 32;

/**
 * What Bedrock and Vertex take of Anthropic's betas; an unknown one is a 400 for the whole request ("invalid beta flag"). AWS'
 * list of Claude Messages parameters, without those that its newer models were reported to refuse (effort, tool-search-tool,
 * tool-examples).
 */
const CLOUD_BETAS: ReadonlySet<string> = new Set([
  'computer-use-2024-10-22',
  'computer-use-2025-01-24',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'dev-full-thinking-2025-05-14',
  'interleaved-thinking-2025-05-14',
  'output-128k-2025-02-19',
  'token-efficient-tools-2025-02-19',
]);

/** All values of a header, joined as HTTP allows; undefined: absent or beyond reason. */
function headerValue(headers: RawHeaders, name: string): string | undefined {
  const values = pairs(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []));
  const joined = values.join(',');
  return values.length === 0 || joined.length > MAX_VALUE || !/^[ -~]*$/.test(joined) ? undefined : joined;
}

/** Anthropic's betas that the caller asks for, each once. `given`: those that stood in a body. */
export function betasAsked(callerHeaders: RawHeaders, given: readonly string[]): readonly string[] {
  const values = pairs(callerHeaders).flatMap(([name, value]) =>
    name.toLowerCase() === 'anthropic-beta' ? value.split(',') : [],
  );
  const asked = [...values, ...given].map((beta) => beta.trim());
  return [...new Set(asked)].filter((beta) => beta !== '' && !ACCOUNT_BETAS.test(beta));
}

/** Those of them that the target may be told of. */
export function betasFor(type: ProviderType, asked: readonly string[]): readonly string[] {
  const cloud = type === 'bedrock' || type === 'vertex';
  const known = asked.filter((beta) => /^[a-z0-9-]{1,64}$/.test(beta) && (!cloud || CLOUD_BETAS.has(beta)));
  return known.slice(0, MAX_BETAS);
}

function acceptOf(dialect: DialectId, stream: boolean): string {
  if (!stream) return 'application/json';
  switch (dialect) {
    case 'bedrock-converse':
    case 'bedrock-invoke':
      return 'application/vnd.amazon.eventstream';
    case 'ollama':
      return 'application/x-ndjson';
    default:
      return 'text/event-stream';
  }
}

/** Of the codings that the caller takes, those that can be looked into on the way; undefined: none. */
function codingsOf(headers: RawHeaders): string | undefined {
  const asked = (headerValue(headers, 'accept-encoding') ?? '').split(',').map((coding) => coding.trim());
  const known = asked.filter((coding) => /^(?:gzip|deflate|br|zstd)(?:;\s*q=[\d.]{1,5})?$/i.test(coding));
  return known.length === 0 ? undefined : known.join(', ');
}

export interface HeaderInput {
  readonly type: ProviderType;
  readonly authority: string;
  readonly dialect: DialectId;
  readonly stream: boolean;
  /** The answer's bytes go to the caller as they come. */
  readonly passesThrough: boolean;
  readonly callerDialect: DialectId;
  readonly callerHeaders: RawHeaders;
  readonly betas: readonly string[];
}

/**
 * `user-agent` is our own short name: some hosts refuse a request without one, and which app somebody uses is nothing that a
 * provider learns which the app did not address.
 */
export function attemptHeaders(input: HeaderInput): (readonly [string, string])[] {
  const { callerHeaders, dialect } = input;
  // The caller decodes what passes through; what is said anew is better not compressed.
  const coding = input.passesThrough ? codingsOf(callerHeaders) : undefined;
  const headers: (readonly [string, string])[] = [
    ['host', input.authority],
    ['content-type', 'application/json'],
    ['accept', acceptOf(dialect, input.stream)],
    ['accept-encoding', coding ?? 'identity'],
    ['user-agent', 'outpost'],
  ];
  if (dialect === 'anthropic-messages') {
    // Vertex has it in the body.
    if (input.type !== 'vertex') {
      const asked = headerValue(callerHeaders, 'anthropic-version');
      headers.push(['anthropic-version', /^\d{4}-\d{2}-\d{2}$/.test(asked ?? '') ? (asked ?? '') : ANTHROPIC_VERSION]);
    }
    if (input.betas.length > 0) headers.push(['anthropic-beta', input.betas.join(',')]);
  }
  const openai = input.type === 'openai' || input.type === 'azure';
  const beta = openai && input.callerDialect === dialect ? headerValue(callerHeaders, 'openai-beta') : undefined;
  if (beta !== undefined) headers.push(['openai-beta', beta]);
  return headers;
}
