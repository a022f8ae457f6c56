// SPDX-License-Identifier: Apache-2.0
// Simulated providers whose every answer holds something for themselves alone (a signature, redacted or encrypted reasoning), each time
// another, and what of it came back to them. Also the callers that hold a conversation with them. Knows no test.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dialect, Json } from './failover-chain-kit.ts';

const CITIES = { type: 'object', properties: { city: { type: 'string' } } };

/** What a provider answers: a call of the tool for this city, or words. */
export type Answer = { readonly city: string } | { readonly words: string };

/** A provider's own protocol. */
interface Tongue {
  /** The parts of an answer. `state(n)`: the n-th thing that is to come back. */
  parts(answer: Answer, id: string, state: (n: number) => string): readonly Json[];
  whole(parts: readonly Json[]): Json;
  /** The same as events. */
  stream(parts: readonly Json[]): readonly Json[];
  /** The history in a request, a word for each part: what it is, and what it holds for the provider alone. */
  history(body: Json): readonly string[];
}

const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value : []);
const known = (...words: readonly unknown[]): string => words.filter((word) => word !== undefined).join(' ');

const gemini: Tongue = {
  parts: (answer, _id, state) => [
    { text: 'A thought.', thought: true },
    'city' in answer
      ? { functionCall: { name: 'weather', args: { city: answer.city } }, thoughtSignature: state(1) }
      : { text: answer.words, thoughtSignature: state(1) },
  ],
  whole: (parts) => ({
    candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 5, totalTokenCount: 10 },
    modelVersion: 'simulated',
    responseId: 'r',
  }),
  stream: (parts) => [gemini.whole(parts)],
  history: ({ contents }) =>
    list(contents)
      .flatMap(({ parts }) => list(parts))
      .map(({ text, functionCall, functionResponse, thoughtSignature }) => {
        if (functionResponse !== undefined) return 'result';
        const args = (functionCall as Json | undefined)?.['args'] as Json | undefined;
        return known(args === undefined ? text : `call ${args['city']}`, thoughtSignature);
      }),
};

const messages: Tongue = {
  parts: (answer, id, state) => [
    { type: 'thinking', thinking: 'A thought.', signature: state(1) },
    { type: 'redacted_thinking', data: state(2) },
    'city' in answer
      ? { type: 'tool_use', id, name: 'weather', input: { city: answer.city } }
      : { type: 'text', text: answer.words },
  ],
  whole: (content) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'simulated',
    content,
    stop_reason: content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 5, output_tokens: 5 },
  }),
  stream(content) {
    const { stop_reason, usage, ...message } = messages.whole(content);
    const block = (part: Json, index: number): Json[] => {
      const { thinking, signature, text, input, ...start } = part;
      const deltas = [
        { type: 'thinking_delta', thinking },
        { type: 'signature_delta', signature },
        { type: 'text_delta', text },
        { type: 'input_json_delta', partial_json: input === undefined ? undefined : JSON.stringify(input) },
      ].filter((delta) => Object.values(delta)[1] !== undefined);
      return [
        {
          type: 'content_block_start',
          index,
          content_block: { ...start, ...(input === undefined ? {} : { input: {} }) },
        },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
        { type: 'content_block_stop', index },
      ];
    };
    return [
      { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } },
      ...content.flatMap(block),
      { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
      { type: 'message_stop' },
    ];
  },
  history: ({ messages: turns }) =>
    list(turns)
      .flatMap(({ content }) => (typeof content === 'string' ? [{ type: 'text', text: content }] : list(content)))
      .map(({ type, text, signature, data, input }: Json) => {
        if (type === 'tool_use') return `call ${(input as Json)['city']}`;
        return type === 'tool_result' ? 'result' : known(text ?? type, signature, data);
      }),
};

const responses: Tongue = {
  parts: (answer, id, state) => [
    {
      type: 'reasoning',
      id: `rs_${id}`,
      summary: [{ type: 'summary_text', text: 'A thought.' }],
      encrypted_content: state(1),
    },
    'city' in answer
      ? {
          type: 'function_call',
          id: `fc_${id}`,
          call_id: id,
          name: 'weather',
          arguments: JSON.stringify({ city: answer.city }),
          status: 'completed',
        }
      : {
          type: 'message',
          id: `msg_${id}`,
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: answer.words, annotations: [] }],
        },
  ],
  whole: (output) => ({
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'simulated',
    output,
    usage: { input_tokens: 5, output_tokens: 5, total_tokens: 10 },
  }),
  stream: (output) => [{ type: 'response.completed', response: responses.whole(output) }],
  history: ({ input }) =>
    list(input).map(({ type, id, content, arguments: args, encrypted_content }: Json) => {
      if (type === 'function_call') return `call ${JSON.parse(String(args)).city}`;
      if (type === 'function_call_output') return 'result';
      if (type === 'reasoning') return known(type, id, encrypted_content);
      return typeof content === 'string'
        ? content
        : list(content)
            .map(({ text }) => text)
            .join('');
    }),
};

export const TONGUES = { gemini, messages, responses } as const;

/** Is one of these states in a text, however its last letters are written? */
export function holdsOneOf(text: string | Buffer, states: readonly string[]): boolean {
  return states.some((state) => text.includes(state.slice(0, state.indexOf('/'))));
}

/** A provider that says what it is told to say. */
export class Thinker {
  /** What it received, byte for byte. */
  readonly received: Buffer[] = [];
  /** All that it gave away to have back, in order. */
  readonly states: string[] = [];
  /** With which status it answers all calls; 200: as it should. */
  status = 200;
  readonly #name: string;
  readonly #tongue: Tongue;
  readonly #answers: Answer[];
  readonly #server: Server;

  constructor(name: string, tongue: keyof typeof TONGUES, answers: readonly Answer[]) {
    this.#name = name;
    this.#tongue = TONGUES[tongue];
    this.#answers = [...answers];
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      this.received.push(body);
      const stream = JSON.parse(body.toString()).stream === true || request.url?.includes('streamGenerate') === true;
      const answer = this.status === 200 ? this.#answers.shift() : undefined;
      response.statusCode = answer === undefined ? 500 : 200;
      response.setHeader('content-type', stream && answer !== undefined ? 'text/event-stream' : 'application/json');
      if (answer === undefined) return void response.end('{"error":{"message":"out of order"}}');
      const parts = this.#tongue.parts(answer, `call${this.#name}${this.received.length}`, (n) => this.#state(n));
      if (!stream) return void response.end(JSON.stringify(this.#tongue.whole(parts)));
      for (const event of this.#tongue.stream(parts)) {
        const name = 'type' in event ? `event: ${event['type']}\n` : '';
        response.write(`${name}data: ${JSON.stringify(event)}\n\n`);
      }
      response.end();
    });
  }

  /** Not quite base64, so that whoever reads it as such changes it. */
  #state(n: number): string {
    const state = `${this.#name}-state+${this.received.length}.${n}/é==`;
    this.states.push(state);
    return state;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The history in the last request. */
  get history(): readonly string[] {
    return this.#tongue.history(JSON.parse(this.received.at(-1)?.toString() ?? '{}') as Json);
  }

  /** Has it ever received one of these? */
  hasSeen(states: readonly string[]): boolean {
    return this.received.some((body) => holdsOneOf(body, states));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Holds one conversation, and sends its whole history each time. */
export interface Caller {
  readonly dialect: Dialect;
  /** Members of the body. */
  body(): Json;
  says(text: string): void;
  /** Takes an answer into the history. */
  hears(answer: Buffer, stream: boolean): void;
  /** Says what the tool has said to each call of the last answer. */
  answersCalls(): void;
}

function chatCaller(): Caller {
  const turns: Json[] = [];
  let calls: readonly Json[] = [];
  return {
    dialect: 'chat',
    body: () => ({
      messages: turns,
      reasoning_effort: 'high',
      tools: [{ type: 'function', function: { name: 'weather', parameters: CITIES } }],
    }),
    says: (content) => void turns.push({ role: 'user', content }),
    hears(answer, stream) {
      const message = stream ? joined(answer.toString()) : JSON.parse(answer.toString()).choices[0].message;
      calls = message.tool_calls ?? [];
      turns.push(message);
    },
    answersCalls() {
      for (const { id } of calls) turns.push({ role: 'tool', tool_call_id: id, content: 'rain' });
    },
  };
}

/** The message that the deltas of a stream add up to. */
function joined(events: string): Json & { readonly tool_calls?: readonly Json[] } {
  let content = '';
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const [, data = ''] of events.matchAll(/^data: (\{.*)$/gm)) {
    const delta = JSON.parse(data).choices[0]?.delta ?? {};
    content += delta.content ?? '';
    for (const { index, id, function: called } of delta.tool_calls ?? []) {
      calls[index] ??= { id, type: 'function', function: { name: called.name, arguments: '' } };
      calls[index].function.arguments += called.arguments ?? '';
    }
  }
  return { role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

function messagesCaller(): Caller {
  const turns: { role: string; content: unknown }[] = [];
  return {
    dialect: 'messages',
    body: () => ({
      messages: turns,
      max_tokens: 4_000,
      thinking: { type: 'enabled', budget_tokens: 2_000 },
      tools: [{ name: 'weather', input_schema: CITIES }],
    }),
    says: (content) => void turns.push({ role: 'user', content }),
    hears: (answer) => void turns.push({ role: 'assistant', content: JSON.parse(answer.toString()).content }),
    answersCalls() {
      const calls = list(turns.at(-1)?.content).filter(({ type }: Json) => type === 'tool_use');
      const results = calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'rain' }));
      turns.push({ role: 'user', content: results });
    },
  };
}

function responsesCaller(): Caller {
  const input: Json[] = [];
  let last: readonly Json[] = [];
  return {
    dialect: 'responses',
    body: () => ({
      input,
      reasoning: { effort: 'high', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      tools: [{ type: 'function', name: 'weather', parameters: CITIES, strict: false }],
    }),
    says: (content) => void input.push({ role: 'user', content }),
    hears(answer) {
      last = JSON.parse(answer.toString()).output;
      input.push(...last);
    },
    answersCalls() {
      const calls = last.filter(({ type }) => type === 'function_call');
      for (const { call_id } of calls) input.push({ type: 'function_call_output', call_id, output: 'rain' });
    },
  };
}

export const CALLERS = { chat: chatCaller, messages: messagesCaller, responses: responsesCaller } as const;
