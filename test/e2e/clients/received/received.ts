// SPDX-License-Identifier: Apache-2.0
// What a provider was asked, in words common to all dialects. Each reader beside this file reads one dialect and refuses what that
// dialect's own server would refuse. Types, and what the readers share.

import assert from 'node:assert/strict';

export interface ReceivedTool {
  readonly name: string;
  readonly description: string | undefined;
  readonly schema: unknown;
}

export interface Received {
  readonly system: string;
  /** Text of the first user message. */
  readonly prompt: string;
  readonly tools: readonly ReceivedTool[];
  /** Of prompts and of results. */
  readonly images: readonly Buffer[];
  readonly documents: readonly Buffer[];
  /** Of the JSON that is wanted; undefined: any text. */
  readonly schema: unknown;
  /** Calls of the history, each with its result. */
  readonly mustCall: boolean;
  readonly limit: number | undefined;
  /** Is the model asked to think? */
  readonly thinks: boolean;
  /** Signatures of thoughts that went back to the model, in front of the calls that they led to. */
  readonly signatures: readonly string[];
  readonly rounds: readonly { readonly name: string; readonly args: unknown; readonly result: string }[];
}

/** A called tool that waits for its result. */
export interface OpenCall {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

/** Pairs results with the calls just before them: all of them, and no others. */
export class Rounds {
  readonly done: { name: string; args: unknown; result: string }[] = [];
  #open: OpenCall[] = [];

  call(call: OpenCall): void {
    assert.ok(!this.#open.some(({ id }) => id === call.id), `two calls with the id ${call.id}`);
    this.#open.push(call);
  }

  result(id: string, result: string): void {
    const call = this.#open.find((open) => open.id === id);
    assert.ok(call !== undefined, `a result for ${id}, which was not called`);
    this.#open = this.#open.filter((open) => open !== call);
    this.done.push({ name: call.name, args: call.args, result });
  }

  /** Nothing may come between a call and its result. */
  settled(): void {
    assert.deepEqual(this.#open, [], 'calls without results');
  }
}

/** Types of Google's schemas in lower case, as everybody else writes them. */
export function plainSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plainSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'type' && typeof value === 'string' ? value.toLowerCase() : plainSchema(value),
    ]),
  );
}

/** Members of a body that the dialect knows; a strict server refuses the others. */
export function onlyMembers(body: unknown, known: readonly string[]): void {
  assert.ok(typeof body === 'object' && body !== null && !Array.isArray(body), 'the body is no object');
  assert.deepEqual(
    Object.keys(body).filter((name) => !known.includes(name)),
    [],
    'unknown members',
  );
}
