// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST } from '../../../../test/fakes/hub-request.ts';
import { codecOf } from '../codecs.ts';
import type { DialectId } from '../dialect.ts';
import { asArray, asObject, parseValue, type Values } from '../json/values.ts';
import type { Codec } from './codec.ts';
import type { HubEvent } from './hub.ts';
import { type AnswerTranslation, translateAnswer } from './translator.ts';

function codec(dialect: DialectId): Codec {
  const found = codecOf(dialect);
  assert.ok(found);
  return found;
}

interface Setup {
  readonly toolNames?: ReadonlyMap<string, string>;
  readonly stream?: boolean;
  readonly seen?: HubEvent[];
  readonly to?: Codec;
}

/** An answer of Anthropic for a caller of OpenAI chat. */
function translation({ toolNames = new Map(), stream = false, seen, to = codec('openai-chat') }: Setup = {}) {
  let ids = 0;
  return translateAnswer({
    from: codec('anthropic-messages'),
    to,
    encoder: to.createEncoder({
      framing: stream ? 'sse' : undefined,
      model: 'asked-for',
      id: 'id1',
      createdAt: 0,
      request: EMPTY_REQUEST,
    }),
    toolNames,
    fresh: () => `fresh${++ids}`,
    ...(seen === undefined ? {} : { observe: (event) => seen.push(event) }),
  });
}

const ANSWER = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [
    { type: 'thinking', thinking: 'Hm.', signature: 'sig' },
    { type: 'text', text: 'Yes.' },
    { type: 'tool_use', id: 'toolu_1', name: 'short', input: { a: 1 } },
    { type: 'tool_use', id: 'a b', name: 'other', input: {} },
  ],
  stop_reason: 'tool_use',
  usage: { input_tokens: 1, output_tokens: 2 },
};

function messageOf(translated: AnswerTranslation): Values {
  const answer = asObject(parseValue(translated.take().toString()));
  return asObject(asObject(asArray(answer?.['choices'])[0])?.['message']) ?? {};
}

test('a whole answer comes out at the end, with the caller’s tool names and ids that every dialect takes', () => {
  const translated = translation({ toolNames: new Map([['short', 'a.very.long.name']]) });
  translated.watch.document(ANSWER);
  assert.equal(translated.take().length, 0);
  translated.end();
  const message = messageOf(translated);
  assert.equal(message['content'], 'Yes.');
  assert.deepEqual(
    asArray(message['tool_calls']).map((call) => [asObject(call)?.['id'], asObject(asObject(call)?.['function'])]),
    [
      ['toolu_1', { name: 'a.very.long.name', arguments: '{"a":1}' }],
      ['call_fresh1', { name: 'other', arguments: '{}' }],
    ],
  );
});

test('what only its own provider can read is shown to the observer and not to the caller', () => {
  const seen: HubEvent[] = [];
  const translated = translation({ seen });
  translated.watch.document(ANSWER);
  translated.end();
  assert.ok(!translated.take().toString().includes('sig'));
  const opaque = seen.flatMap((event) => (event.kind === 'reasoning-opaque' ? [event.opaque.data] : []));
  assert.deepEqual(opaque, ['sig']);
  const starts = seen.flatMap((event) => (event.kind === 'tool-start' ? [event.id] : []));
  assert.deepEqual(starts, ['toolu_1', 'call_fresh1'], 'by the ids that the caller will bring back');
});

test('where no reasoning may be shown it is a loss, and the observer still sees it', () => {
  const seen: HubEvent[] = [];
  const shy: Codec = { ...codec('openai-chat'), shows: { reasoningText: false } };
  const translated = translation({ seen, to: shy });
  translated.watch.document(ANSWER);
  translated.end();
  assert.ok(!translated.take().toString().includes('Hm.'));
  assert.deepEqual(
    translated.losses.found.map(({ code }) => code),
    ['reasoning-dropped'],
  );
  assert.ok(seen.some(({ kind }) => kind === 'reasoning'));
});

const START = { type: 'message_start', message: { id: 'm', model: 'claude', content: [], usage: { input_tokens: 1 } } };
const TEXT = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const piece = (text: string) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });

test('a stream comes out piece by piece, and `take` gives each byte once', () => {
  const translated = translation({ stream: true });
  translated.watch.event(START, 'message_start');
  translated.watch.event(TEXT, 'content_block_start');
  translated.take();
  translated.watch.event(piece('Hel'), 'content_block_delta');
  translated.watch.event(piece('lo'), 'content_block_delta');
  const first = translated.take().toString();
  assert.ok(first.includes('"Hel"') && first.includes('"lo"'));
  assert.equal(translated.take().length, 0);
  translated.watch.event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: {} }, 'message_delta');
  translated.end();
  const last = translated.take().toString();
  assert.match(last, /"finish_reason":"stop"/);
  assert.match(last, /data: \[DONE\]\n\n$/);
  translated.end();
  assert.equal(translated.take().length, 0, 'it ends once');
});

test('after an error nothing more is written, and it does not end as if all were well', () => {
  const translated = translation({ stream: true });
  translated.watch.event(START, 'message_start');
  translated.watch.event(TEXT, 'content_block_start');
  translated.watch.event(piece('Hel'), 'content_block_delta');
  assert.equal(translated.hasFailed(), false);
  translated.take();
  translated.watch.event({ type: 'error', error: { type: 'overloaded_error', message: 'm' } }, 'error');
  translated.watch.event(piece('lo'), 'content_block_delta');
  translated.end();
  assert.equal(translated.hasFailed(), true);
  assert.equal(translated.take().length, 0);
});

test('a loss within the answer is collected and not written', () => {
  const translated = translation();
  translated.watch.document({
    ...ANSWER,
    content: [{ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }],
  });
  translated.end();
  assert.ok(translated.losses.found.some(({ code }) => code === 'server-tool'));
  assert.equal(messageOf(translated)['tool_calls'], undefined);
});

test('beyond a thousand open calls further ones are left out, until one has ended', () => {
  const seen: HubEvent[] = [];
  const translated = translation({ stream: true, seen });
  const { watch } = translated;
  const start = (index: number) => ({
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', id: `toolu_${index}`, name: 'f', input: {} },
  });
  const args = (index: number) => ({
    type: 'content_block_delta',
    index,
    delta: { type: 'input_json_delta', partial_json: '{}' },
  });
  for (let index = 0; index < 1_030; index++) {
    watch.event(start(index), '');
    watch.event(args(index), '');
  }
  watch.event({ type: 'content_block_stop', index: 1_029 }, '');
  watch.event({ type: 'content_block_stop', index: 7 }, '');
  watch.event(start(2_000), '');
  translated.end();
  const ids = (kind: HubEvent['kind']) =>
    seen.flatMap((event) => (event.kind === kind && 'id' in event ? [event.id] : []));
  const expected = [...Array(1_024).keys(), 2_000].map((index) => `toolu_${index}`);
  assert.deepEqual(ids('tool-start'), expected);
  assert.deepEqual(ids('tool-args'), expected.slice(0, -1));
  assert.deepEqual(new Set(ids('tool-end')), new Set(expected));
  assert.deepEqual(translated.losses.found, [{ code: 'unknown-event', at: '/tool_calls' }]);
});
