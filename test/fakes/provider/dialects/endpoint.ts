// SPDX-License-Identifier: Apache-2.0
// What each simulated endpoint gets and gives. Types, and small readings that several dialects share.

import type { Answer } from '../answer.ts';
import type { Inquiry, SayingOptions } from '../inquiry.ts';
import { text } from '../json.ts';

export interface EndpointRequest {
  /** Parsed JSON body; undefined for GET. */
  readonly body: unknown;
  /** Model of the path or the body, without its fault suffix. */
  readonly model: string;
  /** The path alone decides about streaming (Gemini, Bedrock). */
  readonly pathStream: boolean;
  readonly query: URLSearchParams;
}

export interface EndpointContext {
  readonly serial: number;
  readonly requestId: string;
  readonly say: SayingOptions;
  /** Seconds since the Unix epoch. */
  readonly created: number;
}

export type Endpoint = (request: EndpointRequest, context: EndpointContext) => Answer;

/** The body is JSON but not what the endpoint takes; answered as the vendor's 400. */
export class InvalidRequest extends Error {}

/** Model name as answers carry it: plainly not the real thing. */
export function simulatedModel(model: string): string {
  return `${model}-simulated`;
}

export function ask(parts: Partial<Inquiry> & { readonly model: string }): Inquiry {
  return {
    stream: false,
    text: '',
    images: [],
    tools: [],
    toolForced: false,
    toolResult: undefined,
    schema: undefined,
    maxTokens: undefined,
    promptChars: 0,
    ...parts,
  };
}

/** Bytes of a `data:` URL; for any other URL the URL itself, since nothing is fetched. */
export function imageBytes(url: string): Buffer {
  const comma = url.indexOf(',');
  return url.startsWith('data:') && comma > 0 ? Buffer.from(url.slice(comma + 1), 'base64') : Buffer.from(url);
}

/** Text of a content that is a string or a list of parts with `text`. */
export function plainText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => text(part, 'text') ?? '')
    .filter((piece) => piece !== '')
    .join('\n');
}

/** The arguments of a tool call as streams carry them: in two pieces. */
export function halves(text: string): readonly [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

export function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new InvalidRequest(message);
  return value;
}
