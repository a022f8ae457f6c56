// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, Part } from './hub.ts';
import { LossList } from './losses.ts';
import { createIdFitter, pairedConversation } from './paired-turns.ts';

const text = (said: string): Part => ({ kind: 'text', text: said });
const call = (id: string): Part => ({ kind: 'tool-call', id, name: 'f', args: '' });
const result = (id: string): Part => ({ kind: 'tool-result', id, name: 'f', parts: [], isError: false });
const user = (...parts: Part[]): Message => ({ role: 'user', parts });
const assistant = (...parts: Part[]): Message => ({ role: 'assistant', parts });

function pair(messages: readonly Message[]) {
  const losses = new LossList();
  const { system, turns } = pairedConversation(messages, losses);
  return { system, turns, codes: losses.found.map(({ code }) => code) };
}

test('neighbours merge, blank text goes, results come first', () => {
  const { system, turns, codes } = pair([
    { role: 'system', parts: [text('s'), text(' ')] },
    user(text('a'), text('\n')),
    assistant(call('1')),
    assistant(call('2')),
    user(text('b'), result('2')),
    user(result('1')),
  ]);
  assert.deepEqual(codes, []);
  assert.deepEqual(system, [text('s')]);
  assert.deepEqual(turns, [
    { role: 'user', parts: [text('a')] },
    { role: 'assistant', parts: [call('1'), call('2')] },
    { role: 'user', parts: [result('2'), result('1'), text('b')] },
  ]);
});

test('a result later than the next turn, twice, or of a call with the same id is no pair', () => {
  const late = [user(text('a')), assistant(call('1')), user(text('b')), assistant(text('c')), user(result('1'))];
  const twice = [user(text('a')), assistant(call('1')), user(result('1'), result('1'))];
  const same = [user(text('a')), assistant(call('1'), call('1')), user(result('1'))];
  for (const messages of [late, twice, same]) assert.deepEqual(pair(messages).codes, ['tool-pairing']);
});

test('a conversation of a hundred thousand parts is read', () => {
  const many = Array.from({ length: 200_000 }, () => text('x'));
  assert.equal(
    pair([user(text('a')), user(...many.slice(0, 10)), { role: 'user', parts: many }]).turns[0]?.parts.length,
    200_011,
  );
});

test('ids that do not fit are changed once and never meet', () => {
  const { turns } = pair([user(text('a')), assistant(call('a.b'), call('a|b'), call('a_b'), call('é'.repeat(90)))]);
  const fit = createIdFitter(turns);
  const fitted = ['a.b', 'a|b', 'a_b', 'é'.repeat(90)].map(fit);
  assert.equal(new Set(fitted).size, 4);
  assert.equal(fitted[2], 'a_b');
  for (const id of fitted) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/);
  assert.equal(fit('a.b'), fitted[0]);
});
