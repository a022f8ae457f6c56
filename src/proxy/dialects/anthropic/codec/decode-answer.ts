// SPDX-License-Identifier: Apache-2.0
// Anthropic's answers to hub events: documents and stream events; the same for Vertex and, unwrapped, Bedrock InvokeModel.

import type { StopClass } from '../../dialect.ts';
import { BlockDecoder } from '../../hub/block-decoder.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { asArray, asObject, asString, hasContent, jsonText, type Values } from '../../json/values.ts';
import { classifyError } from '../../shared/error-class.ts';
import { ANTHROPIC_STOPS, AnthropicUsage } from '../answer.ts';

export function createAnthropicDecoder(): AnswerDecoder {
  return new AnthropicDecoder();
}

class AnthropicDecoder implements AnswerDecoder {
  readonly #blocks = new BlockDecoder('anthropic-messages');
  readonly #counts = new AnthropicUsage();

  event(value: unknown, name: string): readonly HubEvent[] {
    const event = asObject(value);
    if (event === undefined) this.#blocks.loss('unknown-event', '');
    else this.#event(event, event['type'] ?? name);
    return this.#blocks.take();
  }

  document(value: unknown): readonly HubEvent[] {
    const body = asObject(value);
    if (body === undefined || !Array.isArray(body['content'])) {
      this.#blocks.fail(classifyError(value, undefined));
      return this.#blocks.take();
    }
    this.#blocks.start(asString(body['id']), asString(body['model']));
    for (const [index, block] of asArray(body['content']).entries()) {
      this.#begin(index, asObject(block));
      this.#blocks.close(index);
    }
    this.#stop(body);
    this.#blocks.usage(this.#counts.add(body['usage']));
    return this.end();
  }

  end(): readonly HubEvent[] {
    this.#blocks.end();
    return this.#blocks.take();
  }

  #event(event: Values, type: unknown): void {
    const index = typeof event['index'] === 'number' ? event['index'] : 0;
    switch (type) {
      case 'message_start': {
        const message = asObject(event['message']);
        this.#blocks.start(asString(message?.['id']), asString(message?.['model']));
        this.#blocks.usage(this.#counts.add(message?.['usage']));
        return;
      }
      case 'content_block_start':
        this.#begin(index, asObject(event['content_block']));
        return;
      case 'content_block_delta':
        this.#delta(index, asObject(event['delta']));
        return;
      case 'content_block_stop':
        this.#blocks.close(index);
        return;
      case 'message_delta':
        this.#stop(asObject(event['delta']));
        this.#blocks.usage(this.#counts.add(event['usage']));
        return;
      case 'message_stop':
        this.#blocks.end();
        return;
      case 'error':
        this.#blocks.fail(classifyError(event, undefined));
        return;
      case 'ping':
        return;
      default:
        this.#blocks.loss('unknown-event', '');
    }
  }

  #begin(index: number, block: Values | undefined): void {
    switch (block?.['type']) {
      case 'text':
        this.#blocks.text(index, asString(block['text']) ?? '');
        if (hasContent(block['citations'])) this.#blocks.loss('citations', '/content');
        return;
      case 'thinking':
        this.#blocks.reasoning(index, asString(block['thinking']) ?? '');
        this.#blocks.signature(index, asString(block['signature']) ?? '');
        return;
      case 'redacted_thinking':
        this.#blocks.redacted(asString(block['data']) ?? '');
        return;
      case 'tool_use':
        this.#blocks.tool(index, asString(block['id']), asString(block['name']) ?? '', givenInput(block['input']));
        return;
      default:
        // Anthropic's own tools at work: nobody asked for them in a translated request.
        this.#blocks.loss('server-tool', '/content');
    }
  }

  #delta(index: number, delta: Values | undefined): void {
    switch (delta?.['type']) {
      case 'text_delta':
        this.#blocks.text(index, asString(delta['text']) ?? '');
        return;
      case 'thinking_delta':
        this.#blocks.reasoning(index, asString(delta['thinking']) ?? '');
        return;
      case 'signature_delta':
        // It comes whole: the vendor's own SDKs let the last one count.
        this.#blocks.signature(index, asString(delta['signature']) ?? '');
        return;
      case 'input_json_delta':
        this.#blocks.args(index, asString(delta['partial_json']) ?? '');
        return;
      case 'citations_delta':
        this.#blocks.loss('citations', '/content');
        return;
      default:
        this.#blocks.loss('unknown-event', '');
    }
  }

  #stop(from: Values | undefined): void {
    const word = asString(from?.['stop_reason']);
    if (word === undefined) return;
    const stop: StopClass = ANTHROPIC_STOPS.get(word) ?? 'other';
    this.#blocks.stop(stop, asString(from?.['stop_sequence']));
  }
}

/** Streams start a call with `{}` and send the arguments in pieces; documents, and some hosts, have them at once. */
function givenInput(input: unknown): string {
  return hasContent(input) ? (jsonText(input) ?? '') : '';
}
