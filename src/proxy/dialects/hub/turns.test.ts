// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, Part } from './hub.ts';
import { alternating, callsById, splitSystem, textOf } from './turns.ts';

const text = (value: string): Part => ({ kind: 'text', text: value });
const say = (role: Message['role'], ...texts: readonly string[]): Message => ({ role, parts: texts.map(text) });
const call = (id: string): Part => ({ kind: 'tool-call', id, name: `tool-${id}`, args: '' });
const shape = (messages: readonly Message[]) => messages.map(({ role, parts }) => `${role}: ${textOf(parts)}`);

test('leading system messages are the prompt; later ones stay in the conversation', () => {
  const messages = [say('system', 'a', 'b'), say('system', 'c'), say('user', 'q'), say('system', 'd')];
  const { system, rest } = splitSystem(messages);
  assert.deepEqual(
    system.map((part) => part.text),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(shape(rest), ['user: q', 'system: d']);
});

test('a conversation of nothing but instructions has no rest; none at all has no prompt', () => {
  assert.deepEqual(splitSystem([say('system', 'a')]).rest, []);
  assert.deepEqual(splitSystem([]), { system: [], rest: [] });
  const user = [say('user', 'q')];
  assert.deepEqual(splitSystem(user), { system: [], rest: user });
});

test('neighbours of one role become one message, and nothing is changed in place', () => {
  const messages = [say('user', 'a'), say('user', 'b'), say('assistant', 'c'), say('system', 'd'), say('user', 'e')];
  const before = structuredClone(messages);
  assert.deepEqual(shape(alternating(messages)), ['user: ab', 'assistant: c', 'user: de']);
  assert.deepEqual(shape(alternating(messages, 'system')), ['user: ab', 'assistant: c', 'system: d', 'user: e']);
  assert.deepEqual(messages, before);
});

test('a message of 200,000 parts does not overflow the stack', () => {
  const many: Message = { role: 'user', parts: Array.from({ length: 200_000 }, () => text('x')) };
  assert.equal(alternating([say('user', 'a'), many])[0]?.parts.length, 200_001);
});

test('calls are found by id, of two with the same id the last', () => {
  const messages: readonly Message[] = [
    { role: 'assistant', parts: [text('x'), call('a'), call('b')] },
    { role: 'assistant', parts: [{ kind: 'tool-call', id: 'a', name: 'again', args: '' }] },
  ];
  assert.deepEqual(
    [...callsById(messages)].map(([id, { name }]) => [id, name]),
    [
      ['a', 'again'],
      ['b', 'tool-b'],
    ],
  );
});

test('text is what was said or refused, in order; reasoning and calls are none', () => {
  assert.equal(
    textOf([text('a'), { kind: 'reasoning', text: 'r' }, call('c'), { kind: 'refusal', text: 'no' }]),
    'ano',
  );
});
