// SPDX-License-Identifier: Apache-2.0
// Converse's answers to hub events: documents and stream events.

import type { StopClass } from '../../dialect.ts';
import { BlockDecoder } from '../../hub/block-decoder.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { asArray, asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { classifyError } from '../../shared/error-class.ts';
import { CONVERSE_STOPS, converseUsage } from '../converse-answer.ts';

export function createConverseDecoder(): AnswerDecoder {
  return new ConverseDecoder();
}

class ConverseDecoder implements AnswerDecoder {
  readonly #blocks = new BlockDecoder('bedrock-converse');
  /** Signatures may come in pieces. */
  #signature = '';

  event(value: unknown, name: string): readonly HubEvent[] {
    const event = asObject(value);
    if (name.endsWith('Exception')) this.#blocks.fail(classifyError(value, undefined, name));
    else if (event === undefined) this.#blocks.loss('unknown-event', '');
    else this.#event(event, name);
    return this.#blocks.take();
  }

  document(value: unknown): readonly HubEvent[] {
    const body = asObject(value);
    const message = asObject(asObject(body?.['output'])?.['message']);
    if (body === undefined || message === undefined) {
      this.#blocks.fail(classifyError(value, undefined));
      return this.#blocks.take();
    }
    this.#blocks.start(undefined, undefined);
    for (const [index, block] of asArray(message['content']).entries()) {
      this.#whole(index, asObject(block));
      this.#blocks.close(index);
    }
    this.#stop(body);
    this.#blocks.usage(converseUsage(body['usage']));
    return this.end();
  }

  end(): readonly HubEvent[] {
    this.#blocks.end();
    return this.#blocks.take();
  }

  #event(event: Values, name: string): void {
    const index = typeof event['contentBlockIndex'] === 'number' ? event['contentBlockIndex'] : 0;
    switch (name) {
      case 'messageStart':
        this.#blocks.start(undefined, undefined);
        return;
      case 'contentBlockStart': {
        const start = asObject(event['start']);
        const tool = asObject(start?.['toolUse']);
        if (tool !== undefined) this.#tool(index, tool, '');
        else if (start !== undefined) this.#foreign(start);
        return;
      }
      case 'contentBlockDelta':
        this.#delta(index, asObject(event['delta']));
        return;
      case 'contentBlockStop':
        this.#signature = '';
        this.#blocks.close(index);
        return;
      case 'messageStop':
        this.#stop(event);
        return;
      case 'metadata':
        this.#blocks.usage(converseUsage(event['usage']));
        return;
      default:
        this.#blocks.loss('unknown-event', '');
    }
  }

  #delta(index: number, delta: Values | undefined): void {
    const text = asString(delta?.['text']);
    const input = asString(asObject(delta?.['toolUse'])?.['input']);
    const reasoning = asObject(delta?.['reasoningContent']);
    if (text !== undefined) this.#blocks.text(index, text);
    else if (input !== undefined) this.#blocks.args(index, input);
    else if (reasoning !== undefined) this.#reasoning(index, reasoning);
    else if (delta !== undefined) this.#foreign(delta);
  }

  #reasoning(index: number, reasoning: Values): void {
    const text = asString(reasoning['text']);
    const signature = asString(reasoning['signature']);
    if (text !== undefined) this.#blocks.reasoning(index, text);
    if (signature !== undefined) {
      this.#signature += signature;
      this.#blocks.signature(index, this.#signature);
    }
    this.#blocks.redacted(asString(reasoning['redactedContent']) ?? '');
  }

  #whole(index: number, block: Values | undefined): void {
    const text = asString(block?.['text']);
    const tool = asObject(block?.['toolUse']);
    const reasoning = asObject(block?.['reasoningContent']);
    if (text !== undefined) this.#blocks.text(index, text);
    else if (tool !== undefined) this.#tool(index, tool, jsonText(tool['input'] ?? {}) ?? '');
    else if (reasoning !== undefined) {
      const shown = asObject(reasoning['reasoningText']);
      if (shown !== undefined) this.#blocks.reasoning(index, asString(shown['text']) ?? '');
      this.#blocks.signature(index, asString(shown?.['signature']) ?? '');
      this.#blocks.redacted(asString(reasoning['redactedContent']) ?? '');
    } else if (block !== undefined) {
      const cited = asObject(block['citationsContent']);
      for (const part of asArray(cited?.['content']))
        this.#blocks.text(index, asString(asObject(part)?.['text']) ?? '');
      this.#foreign(block);
    }
  }

  #tool(index: number, tool: Values, input: string): void {
    if (tool['type'] === 'server_tool_use') this.#blocks.loss('server-tool', '/content');
    else
      this.#blocks.tool(index, asString(tool['toolUseId']), asString(tool['name']) ?? '', input === '{}' ? '' : input);
  }

  /** Kinds of content that have no form in the hub. */
  #foreign(content: Values): void {
    if (content['citation'] !== undefined || content['citationsContent'] !== undefined) {
      this.#blocks.loss('citations', '/content');
    } else if (content['toolResult'] !== undefined) this.#blocks.loss('server-tool', '/content');
    else if (content['image'] !== undefined || content['audio'] !== undefined || content['video'] !== undefined) {
      this.#blocks.loss('output-modality', '/content');
    } else this.#blocks.loss('unknown-event', '');
  }

  #stop(from: Values): void {
    const word = asString(from['stopReason']);
    if (word === undefined) return;
    const stop: StopClass = CONVERSE_STOPS.get(word) ?? 'other';
    this.#blocks.stop(stop, asString(asObject(from['additionalModelResponseFields'])?.['stop_sequence']));
  }
}
