// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyAnswer, decodeSse, encodeAll, joined } from '../../../../../test/fakes/hub-answers.ts';
import { QUESTION, TARGET } from '../../../../../test/fakes/hub-target.ts';
import { SimulatedProvider } from '../../../../../test/fakes/provider/simulated-provider.ts';
import { seededBelow } from '../../../../../test/fakes/random.ts';
import type { EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { cohereChat } from '../dialect.ts';
import { createDecoder } from './decode-answer.ts';
import { createEncoder } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';

const STREAM: EncoderOptions = { framing: 'sse', model: 'asked', id: 'x1', createdAt: 7, request: QUESTION };
const WHOLE: EncoderOptions = { ...STREAM, framing: undefined };

function events(...values: readonly unknown[]): readonly HubEvent[] {
  const decoder = createDecoder();
  return [...values.flatMap((value) => decoder.event(value, '')), ...decoder.end()];
}

function sse(type: string, members: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
}

test('a stream, byte by byte: overlapping calls come one after the other', () => {
  const bytes = encodeAll(createEncoder(STREAM), [
    { kind: 'start', id: 'p', model: 'm' },
    { kind: 'reasoning', text: 'Hm' },
    { kind: 'text', text: 'He' },
    { kind: 'text', text: 'y' },
    { kind: 'tool-start', id: 'a', name: 'f' },
    { kind: 'tool-start', id: 'b', name: 'g' },
    { kind: 'tool-args', id: 'b', text: '{"b":2}' },
    { kind: 'tool-args', id: 'a', text: '{"a":1}' },
    { kind: 'tool-end', id: 'a' },
    { kind: 'stop', stop: 'tool-use' },
    { kind: 'usage', usage: { input: 9, output: 5, cacheRead: 4, cacheWrite: undefined, reasoning: undefined } },
  ]);
  const content = (index: number, value: Record<string, unknown>) => ({
    index,
    delta: { message: { content: value } },
  });
  const call = (index: number, value: Record<string, unknown>) => ({
    index,
    delta: { message: { tool_calls: value } },
  });
  const begun = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '' } });
  assert.equal(
    bytes.toString(),
    [
      sse('message-start', {
        id: 'x1',
        delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
      }),
      sse('content-start', content(0, { type: 'thinking', thinking: '' })),
      sse('content-delta', content(0, { thinking: 'Hm' })),
      sse('content-end', { index: 0 }),
      sse('content-start', content(1, { type: 'text', text: '' })),
      sse('content-delta', content(1, { text: 'He' })),
      sse('content-delta', content(1, { text: 'y' })),
      sse('content-end', { index: 1 }),
      sse('tool-call-start', call(0, begun('a', 'f'))),
      sse('tool-call-delta', call(0, { function: { arguments: '{"a":1}' } })),
      sse('tool-call-end', { index: 0 }),
      sse('tool-call-start', call(1, begun('b', 'g'))),
      sse('tool-call-delta', call(1, { function: { arguments: '{"b":2}' } })),
      sse('tool-call-end', { index: 1 }),
      sse('message-end', {
        id: 'x1',
        delta: {
          finish_reason: 'TOOL_CALL',
          usage: {
            billed_units: { input_tokens: 5, output_tokens: 5 },
            tokens: { input_tokens: 9, output_tokens: 5 },
            cached_tokens: 4,
          },
        },
      }),
    ].join(''),
  );
});

test('any answer comes back as it was, however its bytes are cut', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededBelow(seed);
    const said = anyAnswer(random, { refusals: false, overlaps: false });
    const bytes = encodeAll(createEncoder(STREAM), said);
    const expected = joined(said).map((event) => (event.kind === 'start' ? { ...event, id: 'x1' } : event));
    assert.deepEqual(joined(decodeSse(createDecoder(), bytes, () => 1 + random(40))), expected, `seed ${seed}`);
    const reader = cohereChat.readAnswer(
      { dialect: 'cohere-chat', operation: 'generate', pathModel: undefined, pathStream: undefined },
      {
        understood: true,
        model: 'm',
        otherModel: undefined,
        stream: true,
        messageCount: 1,
        toolNames: [],
        modelSpan: undefined,
        textSpans: () => [],
      },
      { status: 200, contentType: 'text/event-stream' },
    );
    reader.push(bytes);
    assert.equal(reader.phase, 'done');
    // In a document calls come after all texts.
    const order = (events: readonly HubEvent[]) => {
      const calls = events.filter(({ kind }) => kind.startsWith('tool-'));
      return joined([...events.filter((event) => !calls.includes(event)), ...calls]);
    };
    const document = encodeAll(createEncoder(WHOLE), said).toString();
    const whole = order(
      createDecoder()
        .document(parseValue(document))
        .filter(({ kind }) => kind !== 'part-end'),
    );
    assert.deepEqual(
      textsOf(whole),
      textsOf(order(expected.filter(({ kind }) => kind !== 'part-end'))),
      `document ${seed}`,
    );
  }
});

function textsOf(events: readonly HubEvent[]) {
  const all = (kind: HubEvent['kind']) =>
    events.map((event) => (event.kind === kind && 'text' in event ? event.text : '')).join('');
  return [
    all('text'),
    all('reasoning'),
    events.filter(({ kind }) => !['text', 'reasoning', 'part-end'].includes(kind)),
  ];
}

test('stop reasons, both ways', () => {
  const rows = [
    [{ stop: 'stop' }, 'COMPLETE', 'stop'],
    [{ stop: 'stop', sequence: 'END' }, 'STOP_SEQUENCE', 'stop'],
    [{ stop: 'length' }, 'MAX_TOKENS', 'length'],
    [{ stop: 'tool-use' }, 'TOOL_CALL', 'tool-use'],
    [{ stop: 'content-filter' }, 'ERROR_TOXIC', 'content-filter'],
    [{ stop: 'refusal' }, 'COMPLETE', 'stop'],
    [{ stop: 'pause' }, 'COMPLETE', 'stop'],
    [{ stop: 'other' }, 'COMPLETE', 'stop'],
  ] as const;
  for (const [stop, word, back] of rows) {
    const body = parseValue(encodeAll(createEncoder(WHOLE), [{ kind: 'stop', ...stop }]).toString());
    assert.equal((body as { finish_reason: string }).finish_reason, word);
    assert.deepEqual(createDecoder().document(body).at(-1), { kind: 'stop', stop: back });
  }
  assert.deepEqual(events({ type: 'message-end', delta: { finish_reason: 'NEW_WORD' } }).at(-1), {
    kind: 'stop',
    stop: 'other',
  });
});

test('a real answer with a plan and calls; null arguments are none', () => {
  const call = (index: number, value: unknown) => ({ index, delta: { message: { tool_calls: value } } });
  const seen = events(
    { type: 'message-start', id: 'r1', delta: { message: { role: 'assistant' } } },
    { type: 'tool-plan-delta', delta: { message: { tool_plan: 'I will ' } } },
    { type: 'tool-plan-delta', delta: { message: { tool_plan: 'look.' } } },
    { type: 'tool-call-start', ...call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }) },
    { type: 'tool-call-delta', ...call(0, { function: { arguments: '{}' } }) },
    { type: 'tool-call-end', index: 0 },
    { type: 'tool-call-start', ...call(1, { id: 'a', function: { name: 'g', arguments: null } }) },
    { type: 'citation-start', index: 0, delta: {} },
    { type: 'citation-end', index: 0 },
    { type: 'surprise' },
    { type: 'surprise' },
    {
      type: 'message-end',
      delta: { finish_reason: 'COMPLETE', usage: { tokens: { input_tokens: 5, output_tokens: 2 } } },
    },
    { type: 'message-end', delta: { finish_reason: 'COMPLETE' } },
  );
  assert.deepEqual(seen, [
    { kind: 'start', id: 'r1', model: undefined },
    { kind: 'text', text: 'I will ' },
    { kind: 'text', text: 'look.' },
    { kind: 'tool-start', id: 'a', name: 'f' },
    { kind: 'tool-args', id: 'a', text: '{}' },
    { kind: 'tool-end', id: 'a' },
    { kind: 'tool-start', id: 'a_1', name: 'g' },
    { kind: 'loss', loss: { code: 'citations', at: '' } },
    { kind: 'loss', loss: { code: 'unknown-event', at: '' } },
    { kind: 'tool-end', id: 'a_1' },
    {
      kind: 'usage',
      usage: { input: 5, output: 2, cacheRead: undefined, cacheWrite: undefined, reasoning: undefined },
    },
    { kind: 'stop', stop: 'tool-use' },
  ]);
});

test('an end by an error is an error', () => {
  const end = (delta: unknown) => events({ type: 'message-end', delta }).at(-1);
  assert.deepEqual(end({ finish_reason: 'ERROR', error: 'too many tokens' }), {
    kind: 'error',
    class: 'context-length',
    code: 'ERROR',
  });
  assert.deepEqual(end({ finish_reason: 'TIMEOUT' }), { kind: 'error', class: 'server', code: 'TIMEOUT' });
  for (const value of [null, 7, 'x', [], {}]) {
    assert.equal(createDecoder().document(value).at(-1)?.kind, 'error');
    assert.ok(Array.isArray(createDecoder().event(value, 'tool-call-start')));
  }
});

test('a call whose end nobody told ends with the answer', () => {
  const bytes = encodeAll(createEncoder(STREAM), [{ kind: 'tool-start', id: 'a', name: 'f' }]).toString();
  assert.deepEqual(bytes.match(/^event: .*$/gm)?.slice(1), [
    'event: tool-call-start',
    'event: tool-call-delta',
    'event: tool-call-end',
    'event: message-end',
  ]);
});

test('thinking that the caller does not want to see is left out', () => {
  const request = { ...QUESTION, reasoning: { effort: undefined, budgetTokens: undefined, visible: false } };
  const bytes = encodeAll(createEncoder({ ...WHOLE, request }), [
    { kind: 'reasoning', text: 'x' },
    { kind: 'text', text: 'y' },
  ]);
  assert.deepEqual(parseValue(bytes.toString()), {
    id: 'x1',
    message: { role: 'assistant', content: [{ type: 'text', text: 'y' }] },
    finish_reason: 'COMPLETE',
  });
});

test('a provider understands what the encoder asks, and the decoder what it answers', async () => {
  const provider = new SimulatedProvider();
  await provider.listen();
  try {
    const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] };
    const calling: Partial<HubRequest> = {
      tools: [{ name: 'read', description: undefined, parameters, strict: true }],
      toolChoice: { kind: 'required' },
    };
    for (const stream of [false, true]) {
      for (const asked of [calling, {}]) {
        const { body, losses } = encodeRequest({ ...QUESTION, ...asked, stream }, { ...TARGET, model: 'command-a' });
        assert.deepEqual(losses, []);
        const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' };
        const got = await fetch(`${provider.origin}/v2/chat`, { method: 'POST', headers, body: JSON.stringify(body) });
        const bytes = Buffer.from(await got.arrayBuffer());
        assert.equal(got.status, 200, bytes.toString());
        const decoder = createDecoder();
        const seen = stream ? decodeSse(decoder, bytes, () => 7) : decoder.document(parseValue(bytes.toString()));
        const called = asked === calling;
        assert.deepEqual(seen.at(-1), { kind: 'stop', stop: called ? 'tool-use' : 'stop' });
        assert.ok(seen.some(({ kind }) => kind === (called ? 'tool-args' : 'text')));
        assert.equal(seen.filter(({ kind }) => kind === 'usage').length, 1);
      }
    }
  } finally {
    await provider.close();
  }
});
