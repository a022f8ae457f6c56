// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll } from '../../../../test/fakes/hub-answers.ts';
import { EMPTY_REQUEST } from '../../../../test/fakes/hub-request.ts';
import { seededBelow } from '../../../../test/fakes/random.ts';
import { codecOf } from '../codecs.ts';
import type { DialectId } from '../dialect.ts';
import { AwsEventStreamParser } from '../framing/aws-event-stream.ts';
import { SseParser } from '../framing/sse.ts';
import { asArray, asObject, parseValue, type Values } from '../json/values.ts';
import type { Codec, EncoderOptions } from './codec.ts';
import type { HubEvent } from './hub.ts';
import { MADE_UP_OPAQUE, withoutMadeUp } from './made-up.ts';

const strip = (dialect: DialectId, text: string): string => withoutMadeUp(dialect, Buffer.from(text)).toString();

/** An answer of another provider, with reasoning. */
const FOREIGN: readonly HubEvent[] = [
  { kind: 'start', id: 'x', model: 'x' },
  { kind: 'reasoning', text: 'Hm, ' },
  { kind: 'reasoning', text: 'well.' },
  { kind: 'part-end' },
  { kind: 'text', text: 'Yes.' },
  { kind: 'tool-start', id: 'call_1', name: 'f' },
  { kind: 'tool-args', id: 'call_1', text: '{"a":1}' },
  { kind: 'tool-end', id: 'call_1' },
  { kind: 'stop', stop: 'tool-use' },
];
const ONLY_REASONING = FOREIGN.filter(({ kind }) => kind === 'start' || kind === 'reasoning');

const options = (framing: EncoderOptions['framing']): EncoderOptions => ({
  framing,
  model: 'm',
  id: 'AbCd-_12',
  createdAt: 0,
  request: { ...EMPTY_REQUEST, reasoning: { effort: 'high', budgetTokens: undefined, visible: true } },
});

function codec(dialect: DialectId): Codec {
  const found = codecOf(dialect);
  assert.ok(found);
  return found;
}

function answerOf(dialect: DialectId, events: readonly HubEvent[]): Values {
  const bytes = encodeAll(codec(dialect).createEncoder(options(undefined)), events);
  return asObject(parseValue(bytes.toString())) ?? {};
}

/** A history of each dialect with one answer in it, and what of it goes back to its own provider. */
const HISTORIES: Readonly<
  Partial<Record<DialectId, { history(answer: Values): Values; answered(request: Values): readonly unknown[] }>>
> = {
  'anthropic-messages': {
    history: ({ content }) => ({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content },
        { role: 'user', content: 'on' },
      ],
    }),
    answered: ({ messages }) => asArray(messages).slice(1, -1),
  },
  'bedrock-converse': {
    history: ({ output }) => ({
      messages: [
        { role: 'user', content: [{ text: 'hi' }] },
        asObject(output)?.['message'],
        { role: 'user', content: [{ text: 'on' }] },
      ],
    }),
    answered: ({ messages }) => asArray(messages).slice(1, -1),
  },
  'openai-responses': {
    history: ({ output }) => ({ input: ['hi', ...asArray(output), 'on'] }),
    answered: ({ input }) => asArray(input).slice(1, -1),
  },
  gemini: {
    history: ({ candidates }) => ({ contents: [asObject(asArray(candidates)[0])?.['content']] }),
    answered: ({ contents }) => asArray(contents),
  },
};

function goesBack(dialect: DialectId, events: readonly HubEvent[]): readonly unknown[] {
  const kept = HISTORIES[dialect];
  assert.ok(kept);
  const request = strip(dialect, JSON.stringify(kept.history(answerOf(dialect, events))));
  return kept.answered(asObject(parseValue(request)) ?? {});
}

test('an answer of another provider goes back to Anthropic without its reasoning', () => {
  assert.deepEqual(goesBack('anthropic-messages', FOREIGN), [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'Yes.' },
        { type: 'tool_use', id: 'call_1', name: 'f', input: { a: 1 } },
      ],
    },
  ]);
  assert.deepEqual(goesBack('anthropic-messages', ONLY_REASONING), [], 'content may not be empty');
});

test('an answer of another provider goes back to Converse without its reasoning', () => {
  const tool = { toolUse: { toolUseId: 'call_1', name: 'f', input: { a: 1 } } };
  assert.deepEqual(goesBack('bedrock-converse', FOREIGN), [{ role: 'assistant', content: [{ text: 'Yes.' }, tool] }]);
  assert.deepEqual(
    goesBack('bedrock-converse', ONLY_REASONING),
    [{ role: 'assistant', content: [{ text: '(no answer)' }] }],
    'turns must alternate',
  );
});

test('an answer of another provider goes back to OpenAI without its reasoning and without ids that OpenAI never gave', () => {
  assert.deepEqual(goesBack('openai-responses', FOREIGN), [
    {
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'Yes.' }],
    },
    { type: 'function_call', status: 'completed', arguments: '{"a":1}', call_id: 'call_1', name: 'f' },
  ]);
  assert.deepEqual(goesBack('openai-responses', ONLY_REASONING), []);
});

test('Gemini takes thoughts back as they are: its own have no signature either', () => {
  const [content] = goesBack('gemini', FOREIGN);
  assert.deepEqual(asArray(asObject(content)?.['parts'])[0], { text: 'Hm, well.', thought: true });
});

test('streams carry the same marks', () => {
  const broken: string[] = [];
  const sse = (dialect: DialectId): readonly Values[] => {
    const events: Values[] = [];
    const parser = new SseParser({
      event: (data) => events.push(asObject(parseValue(data)) ?? {}),
      skipped: () => broken.push('skipped'),
      garbled: () => broken.push('garbled'),
    });
    parser.push(encodeAll(codec(dialect).createEncoder(options('sse')), FOREIGN));
    parser.end();
    return events;
  };
  const signed = sse('anthropic-messages').filter(({ delta }) => asObject(delta)?.['type'] === 'signature_delta');
  assert.deepEqual(
    signed.map(({ index, delta }) => [index, asObject(delta)?.['signature']]),
    [[0, MADE_UP_OPAQUE]],
  );
  const items = sse('openai-responses').filter(({ type }) => type === 'response.output_item.done');
  const stripped = parseValue(strip('openai-responses', JSON.stringify({ input: items.map(({ item }) => item) })));
  assert.deepEqual(
    asArray(asObject(stripped)?.['input']).map((item) => [asObject(item)?.['type'], asObject(item)?.['id']]),
    [
      ['message', undefined],
      ['function_call', undefined],
    ],
  );
  const frames: Values[] = [];
  const parser = new AwsEventStreamParser({
    frame: ({ payload }) => frames.push(asObject(parseValue(payload.toString())) ?? {}),
    skipped: () => broken.push('skipped'),
    garbled: () => broken.push('garbled'),
  });
  parser.push(encodeAll(codec('bedrock-converse').createEncoder(options('aws-event-stream')), FOREIGN));
  const deltas = frames.map(({ delta }) => asObject(asObject(delta)?.['reasoningContent'])?.['signature']);
  assert.deepEqual(
    deltas.filter((signature) => signature !== undefined),
    [MADE_UP_OPAQUE],
  );
  assert.deepEqual(broken, []);
});

test('what a provider signed itself stays, and the mark is nobody’s signature to a codec', () => {
  const thinking = (signature: string) => ({ type: 'thinking', thinking: 't', signature });
  const own = { role: 'assistant', content: [thinking('EqQB'), thinking(MADE_UP_OPAQUE), thinking('')] };
  const body = { model: 'm', messages: [{ role: 'user', content: 'q' }, own, { role: 'user', content: 'q' }] };
  const left = strip('anthropic-messages', JSON.stringify(body));
  assert.deepEqual(parseValue(left), {
    ...body,
    messages: [body.messages[0], { role: 'assistant', content: [thinking('EqQB'), thinking('')] }, body.messages[2]],
  });
  const recognised = { dialect: 'anthropic-messages', operation: 'generate' } as const;
  const { request } = codec('anthropic-messages').decodeRequest(
    { ...recognised, pathModel: undefined, pathStream: undefined },
    body,
  );
  const opaque = request?.messages[1]?.parts.map((part) => (part.kind === 'reasoning' ? part.opaque?.data : part.kind));
  assert.deepEqual(opaque, ['EqQB', undefined, undefined]);
});

test('a client that keeps no ids is known by what is said to be encrypted; references to made-up reasoning go too', () => {
  const body = {
    input: [
      { type: 'reasoning', summary: [], encrypted_content: MADE_UP_OPAQUE },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' },
      { type: 'item_reference', id: 'rs_outpost_a_0' },
      { type: 'item_reference', id: 'msg_outpost_a_1' },
      { id: 'msg_1', type: 'message', role: 'assistant', content: 'outpost_' },
    ],
  };
  const kept = [body.input[1], body.input[3], body.input[4]];
  assert.deepEqual(parseValue(strip('openai-responses', JSON.stringify(body))), { input: kept });
});

test('the same buffer comes back where nothing is made up, and for what is not JSON', () => {
  const texts = [
    `{"messages":[{"role":"user","content":[{"type":"thinking","signature":"${MADE_UP_OPAQUE}"}]}]}`,
    `{"messages":[{"role":"assistant","content":"${MADE_UP_OPAQUE}"},{"role":"assistant","content":[]}]}`,
    `{"messages":"${MADE_UP_OPAQUE}","input":"rs_outpost_1"}`,
    `{"input":[{"id":"outpost_1"},{"id":7},"msg_outpost_1",null]}`,
    `["${MADE_UP_OPAQUE} msg_outpost_`,
    '',
  ];
  const dialects = ['anthropic-messages', 'bedrock-invoke', 'bedrock-converse', 'openai-responses', 'gemini'] as const;
  for (const text of texts) {
    for (const dialect of dialects) {
      const body = Buffer.from(text);
      assert.equal(withoutMadeUp(dialect, body), body, `${dialect} ${text}`);
    }
  }
});

test('everything else stays byte for byte', () => {
  assert.equal(
    strip(
      'anthropic-messages',
      `\ufeff{ "messages" :[ {"role":"assistant", "content":[\n{"type":"thinking","thinking":"\\u00e9","signature":"${MADE_UP_OPAQUE}"} ,\n {"text":"é\\u00e9","type":"text"} ]} ], "max_tokens":1.0e3 }`,
    ),
    '\ufeff{ "messages" :[ {"role":"assistant", "content":[\n{"text":"é\\u00e9","type":"text"} ]} ], "max_tokens":1.0e3 }',
  );
  assert.equal(
    strip('openai-responses', '{"input":[ {"id":"fc_outpost_1" , "n":1e0},{"n":1 ,"id":"msg_outpost_1"}]}'),
    '{"input":[ {"n":1e0},{"n":1}]}',
  );
});

const BLOCKS = [
  { made: true, text: `{"type":"thinking","signature":"${MADE_UP_OPAQUE}"}` },
  { made: true, text: `{"signature" : "${MADE_UP_OPAQUE}", "type":"\\u0074hinking"}` },
  { made: false, text: '{"type":"thinking","signature":"EqQB"}' },
  { made: false, text: `{"type":"text","text":"${MADE_UP_OPAQUE}"}` },
  { made: false, text: '{"type":"tool_use","input":[1.50,{"a":[]}]}' },
] as const;

test('5,000 random histories mean what the filtered history means', () => {
  const random = seededBelow(20_303);
  const space = () => ['', ' ', '\n'][random(3)] ?? '';
  for (let run = 0; run < 5_000; run++) {
    const messages = Array.from({ length: random(5) }, () => ({
      role: random(3) === 0 ? 'user' : 'assistant',
      blocks: Array.from({ length: random(4) }, () => BLOCKS[random(BLOCKS.length)] ?? BLOCKS[0]),
    }));
    const spelled = messages.map(({ role, blocks }) => {
      const content = blocks.map(({ text }) => `${space()}${text}${space()}`).join(',');
      return `${space()}{"role":"${role}",${space()}"content":[${content}]}${space()}`;
    });
    const text = `{"x":1,"messages":[${spelled.join(',')}]}`;
    const expected = messages.flatMap(({ role, blocks }) => {
      const left = blocks.filter(({ made }) => role === 'user' || !made);
      const content = left.map((block) => JSON.parse(block.text));
      return left.length === 0 && blocks.length > 0 ? [] : [{ role, content }];
    });
    assert.deepEqual(JSON.parse(strip('bedrock-invoke', text)), { x: 1, messages: expected }, text);
  }
});
