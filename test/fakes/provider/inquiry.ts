// SPDX-License-Identifier: Apache-2.0
// What a request asks for, in words common to all dialects, and the deterministic thing to say to it. Pure.

import { createHash } from 'node:crypto';
import { type Json, minimalInstance } from './json.ts';

export interface OfferedTool {
  readonly name: string;
  readonly schema: unknown;
}

export interface Inquiry {
  /** As the caller wrote it, without a fault suffix. */
  readonly model: string;
  readonly stream: boolean;
  /** Text of the last user message. */
  readonly text: string;
  readonly images: readonly Buffer[];
  readonly tools: readonly OfferedTool[];
  /** The caller insists on a tool call. */
  readonly toolForced: boolean;
  /** Text of the tool result that the last message brings. */
  readonly toolResult: string | undefined;
  /** The answer must be JSON of this schema; `{}` for any object. */
  readonly schema: unknown;
  readonly maxTokens: number | undefined;
  /** Characters of all prompt text; token counts follow from it. */
  readonly promptChars: number;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly args: Json;
}

export interface Saying {
  readonly pieces: Iterable<string>;
  /** There is text, were it empty. Beside calls only where the prompt says `explain`. */
  readonly spoken: boolean;
  readonly calls: readonly ToolCall[];
  readonly stop: 'stop' | 'length' | 'tool';
  readonly usage: SimulatedUsage;
}

/** `input` includes the cached ones, `output` includes reasoning. All are above zero so that a lost one shows. */
export interface SimulatedUsage {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
}

export interface SayingOptions {
  /** Into how many pieces the text is cut. */
  readonly pieces: number;
  /** Pads the text to at least so many bytes. */
  readonly padBytes: number;
  /** Makes tool-call ids unique. */
  readonly serial: number;
}

const PAD_PIECE = 'simulated '.repeat(3277);

export function inputTokens(promptChars: number): number {
  return Math.max(8, Math.ceil(promptChars / 4));
}

function cut(text: string, pieces: number): string[] {
  const letters = Array.from(text);
  const count = Math.max(1, Math.min(pieces, letters.length));
  return Array.from({ length: count }, (_, i) =>
    letters.slice(Math.floor((i * letters.length) / count), Math.floor(((i + 1) * letters.length) / count)).join(''),
  );
}

function* padded(pieces: readonly string[], bytes: number): Generator<string> {
  yield* pieces;
  for (let sent = 0; sent < bytes; sent += PAD_PIECE.length) yield PAD_PIECE;
}

function chosenTools(inquiry: Inquiry): readonly OfferedTool[] {
  if (inquiry.tools.length === 0 || inquiry.toolResult !== undefined) return [];
  const asked = inquiry.text.toLowerCase();
  const named = inquiry.tools.filter((tool) => asked.includes(tool.name.toLowerCase()));
  if (named.length > 0) return named;
  return inquiry.toolForced || /\btools?\b/.test(asked) ? inquiry.tools.slice(0, 1) : [];
}

function sentence(inquiry: Inquiry): string {
  if (inquiry.schema !== undefined) return JSON.stringify(minimalInstance(inquiry.schema));
  if (inquiry.toolResult !== undefined) return `The tool said: ${inquiry.toolResult}`;
  const seen = inquiry.images.map((image) => {
    const hash = createHash('sha256').update(image).digest('hex').slice(0, 12);
    return ` [image of ${image.length} bytes, sha256 ${hash}]`;
  });
  return `Simulated echo: ${inquiry.text}${seen.join('')}`;
}

/** The same request always gets the same words; only ids carry the serial number. */
export function say(inquiry: Inquiry, options: SayingOptions): Saying {
  const reasoning = 2;
  const input = inputTokens(inquiry.promptChars);
  const usage = (output: number): SimulatedUsage => ({
    input,
    output: output + reasoning,
    cached: Math.max(1, Math.floor(input / 4)),
    cacheWrite: 1,
    reasoning,
  });
  const tools = chosenTools(inquiry);
  if (tools.length > 0) {
    const calls = tools.map((tool, i) => ({
      id: `call_sim_${options.serial}_${i}`,
      name: tool.name,
      args: minimalInstance(tool.schema),
    }));
    const spoken = /\bexplain\b/.test(inquiry.text.toLowerCase());
    const pieces = spoken ? cut('Let me look that up. 🔎', options.pieces) : [];
    return { pieces, spoken, calls, stop: 'tool', usage: usage(pieces.length + calls.length * 5) };
  }
  const all = cut(sentence(inquiry), options.pieces);
  const limit = inquiry.maxTokens !== undefined && inquiry.maxTokens < all.length ? inquiry.maxTokens : undefined;
  const kept = limit === undefined ? all : all.slice(0, limit);
  return {
    pieces: padded(kept, options.padBytes),
    spoken: true,
    calls: [],
    stop: limit === undefined ? 'stop' : 'length',
    usage: usage(kept.length + Math.ceil(options.padBytes / 4)),
  };
}

/** Unit vector made from the text; the same text gives the same vector. */
export function embed(text: string, dimensions: number): number[] {
  const raw = Array.from({ length: dimensions }, (_, i) => {
    const digest = createHash('sha256').update(`${i}:${text}`).digest();
    return digest.readInt16BE(0) / 32768;
  });
  const length = Math.hypot(...raw) || 1;
  // Float32 so that the base64 and the JSON form are equal.
  return raw.map((value) => Math.fround(value / length));
}
