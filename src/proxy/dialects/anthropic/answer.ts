// SPDX-License-Identifier: Apache-2.0
// What Anthropic's events and documents mean; the same for Anthropic itself, Vertex rawPredict and Bedrock InvokeModel.

import type { StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, hasContent, sum, type Values } from '../json/values.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { classifyError } from '../shared/error-class.ts';

export const ANTHROPIC_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-use'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
]);

export function anthropicInterpreter(): Interpreter {
  const counts = new AnthropicUsage();

  function readUsage(value: unknown, into: AnswerState): void {
    const usage = counts.add(value);
    if (usage !== undefined) into.usage(usage);
  }

  return {
    event(value, into, name) {
      const event = asObject(value);
      if (event === undefined) return false;
      switch (event['type'] ?? name) {
        case 'message_start': {
          const message = asObject(event['message']);
          into.responseId(message?.['id']);
          into.model(message?.['model']);
          readUsage(message?.['usage'], into);
          return true;
        }
        case 'content_block_start':
          readBlock(asObject(event['content_block']), into);
          return true;
        case 'content_block_delta':
          if (isContentDelta(asObject(event['delta']))) into.piece();
          return true;
        case 'message_delta':
          into.stopped(asObject(event['delta'])?.['stop_reason'], ANTHROPIC_STOPS);
          readUsage(event['usage'], into);
          return true;
        case 'message_stop':
          into.finish();
          return true;
        case 'error':
          into.fail(classifyError(event, undefined));
          return true;
        case 'ping':
        case 'content_block_stop':
          return true;
        default:
          return false;
      }
    },
    document(value, into) {
      const body = asObject(value);
      if (body === undefined) return false;
      if (body['type'] === 'error' || hasContent(body['error'])) {
        into.fail(classifyError(body, undefined));
        return true;
      }
      if (!Array.isArray(body['content'])) return false;
      into.responseId(body['id']);
      into.model(body['model']);
      readUsage(body['usage'], into);
      for (const block of asArray(body['content'])) readBlock(asObject(block), into);
      into.stopped(body['stop_reason'], ANTHROPIC_STOPS);
      return into.conclude();
    },
  };
}

/** Text and thinking blocks start empty; all other blocks say something by being there, tool calls by their name. */
function readBlock(block: Values | undefined, into: AnswerState): void {
  switch (block?.['type']) {
    case undefined:
      return;
    case 'text':
      if (hasContent(block['text'])) into.piece();
      return;
    case 'thinking':
      if (hasContent(block['thinking'])) into.piece();
      return;
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      if (hasContent(block['name'])) into.piece();
      return;
    default:
      into.piece();
  }
}

function isContentDelta(delta: Values | undefined): boolean {
  if (delta === undefined) return false;
  return (
    hasContent(delta['text']) ||
    hasContent(delta['thinking']) ||
    hasContent(delta['partial_json']) ||
    hasContent(delta['signature']) ||
    hasContent(delta['citation'])
  );
}

/**
 * Adds up Anthropic's counts: `input_tokens` leaves out what the cache gave or took. In streams the figures are cumulative and
 * come twice; hosts differ in which of the two is complete, so the larger one counts.
 */
export class AnthropicUsage {
  readonly #seen = new Map<string, number>();

  add(value: unknown): Partial<Usage> | undefined {
    const usage = asObject(value);
    if (usage === undefined) return undefined;
    this.#keep('reasoning', asObject(usage['output_tokens_details'])?.['thinking_tokens']);
    for (const name of ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']) {
      this.#keep(name, usage[name]);
    }
    const cacheRead = this.#seen.get('cache_read_input_tokens');
    const cacheWrite = this.#seen.get('cache_creation_input_tokens');
    return {
      input: sum(this.#seen.get('input_tokens'), cacheRead, cacheWrite),
      output: this.#seen.get('output_tokens'),
      cacheRead,
      cacheWrite,
      reasoning: this.#seen.get('reasoning'),
    };
  }

  #keep(name: string, value: unknown): void {
    const count = asCount(value);
    if (count !== undefined) this.#seen.set(name, Math.max(count, this.#seen.get(name) ?? 0));
  }
}
