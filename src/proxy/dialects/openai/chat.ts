// SPDX-License-Identifier: Apache-2.0
// OpenAI Chat Completions, as OpenAI, Azure, Mistral, Groq, OpenRouter, DeepSeek, xAI, vLLM and many more speak it.

import type { Dialect, StopClass } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';
import { createReader } from '../shared/answer-reader.ts';
import { addToolNames, type RequestShape, readRequestFacts, ToolNames } from '../shared/request-facts.ts';
import { pointerTo, roleOf, type TextSpans } from '../shared/text-spans.ts';
import { choicesInterpreter } from './choices.ts';
import { openaiErrorAnswer, openaiStreamError } from './errors.ts';

export const CHAT_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['stop', 'stop'],
  ['eos', 'stop'],
  ['eos_token', 'stop'],
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['model_length', 'length'],
  ['max_output_tokens', 'length'],
  ['tool_calls', 'tool-use'],
  ['tool_call', 'tool-use'],
  ['tool_use', 'tool-use'],
  ['function_call', 'tool-use'],
  ['content_filter', 'content-filter'],
  ['safety', 'content-filter'],
  ['error', 'error'],
  ['insufficient_system_resource', 'error'],
]);

const shape: RequestShape = {
  read(root) {
    const messages = root.get('messages')?.length;
    const tools = new ToolNames();
    addToolNames(root.get('tools'), tools);
    addToolNames(root.get('functions'), tools);
    return {
      // Mistral's fill-in-the-middle has a prompt in place of messages.
      understood: messages !== undefined || root.get('prompt')?.isString === true,
      model: root.get('model'),
      stream: root.get('stream')?.isTrue === true,
      messageCount: messages,
      tools: tools.found,
    };
  },
  spans(root, out) {
    chatMessageSpans(root.get('messages'), '/messages', out);
    out.string('user', '/prompt', root.get('prompt'));
    out.string('user', '/suffix', root.get('suffix'));
    out.content('assistant', '/prediction/content', root.get('prediction')?.get('content'));
  },
};

/** Also Ollama's and Cohere's messages: their extra members have the same meaning. */
export function chatMessageSpans(messages: JsonNode | undefined, base: string, out: TextSpans): void {
  messages?.elements((message, index) => {
    const pointer = pointerTo(base, index);
    const role = roleOf(message.get('role')?.string);
    out.content(role, `${pointer}/content`, message.get('content'));
    for (const member of ['reasoning_content', 'reasoning', 'thinking', 'refusal', 'tool_plan'] as const) {
      out.string(role, `${pointer}/${member}`, message.get(member));
    }
    message.get('tool_calls')?.elements((call, at) => {
      const base = `${pointer}/tool_calls/${at}`;
      out.all(role, `${base}/function/arguments`, call.get('function')?.get('arguments'));
      out.string(role, `${base}/custom/input`, call.get('custom')?.get('input'));
    });
    out.string(role, `${pointer}/function_call/arguments`, message.get('function_call')?.get('arguments'));
  });
}

export const openaiChat: Dialect = {
  id: 'openai-chat',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer: (_recognised, facts, head) => createReader(head, facts, 'sse', choicesInterpreter(CHAT_STOPS)),
  errorAnswer: openaiErrorAnswer,
  streamError: openaiStreamError,
};
