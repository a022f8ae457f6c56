// SPDX-License-Identifier: Apache-2.0
// Opaque state goes back byte for byte and to its place, whatever the caller's dialect made of the visible parts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST } from '../../../test/fakes/hub-request.ts';
import type { HubEvent, HubRequest, Message, Opaque, Part } from '../dialects/hub/hub.ts';
import { anchorsOf, attachState } from './attach.ts';
import { collectState } from './collect.ts';
import type { StateEntry } from './record.ts';

const signature = (data: string): Opaque => ({ dialect: 'anthropic-messages', form: 'signature', data });
/** Bytes that a careless copy would change: halves of pairs, escapes, line ends, padding. */
const ODD = 'Er\u00e9+/=\\n\r\n\t"\ud83d\ude00\ud800 \u2028=';

function requestOf(messages: readonly Message[]): HubRequest {
  return { ...EMPTY_REQUEST, messages };
}

const user: Message = { role: 'user', parts: [{ kind: 'text', text: 'go' }] };
const result = (id: string): Message => ({
  role: 'user',
  parts: [{ kind: 'tool-result', id, name: undefined, parts: [], isError: false }],
});
const assistant = (...parts: readonly Part[]): Message => ({ role: 'assistant', parts });
const text = (value: string): Part => ({ kind: 'text', text: value });
const call = (id: string): Part => ({ kind: 'tool-call', id, name: 'f', args: '{"a": 1}' });
const foundOf = (entries: readonly StateEntry[]) => new Map(entries.map(({ anchor, record }) => [anchor, record]));

/** Thinking, text, thinking, call, redacted thinking, call with data of its own; the pieces as a stream cuts them. */
const ANSWER: readonly HubEvent[] = [
  { kind: 'start', id: 'x', model: 'm' },
  { kind: 'reasoning', text: 'First I ' },
  { kind: 'reasoning', text: ODD },
  { kind: 'reasoning-opaque', opaque: signature(`A${ODD}`) },
  { kind: 'text', text: 'Let me ' },
  { kind: 'text', text: 'see.' },
  { kind: 'part-end' },
  { kind: 'reasoning', text: 'Second' },
  { kind: 'reasoning-opaque', opaque: signature('B') },
  { kind: 'part-end' },
  { kind: 'tool-start', id: 'call_1', name: 'f' },
  { kind: 'tool-args', id: 'call_1', text: '{"a": 1}' },
  { kind: 'tool-end', id: 'call_1' },
  { kind: 'reasoning-opaque', opaque: { ...signature('C'), form: 'redacted' } },
  { kind: 'reasoning-opaque', opaque: { dialect: 'openai-responses', form: 'encrypted', data: 'D', id: 'rs_1' } },
  { kind: 'tool-start', id: 'call_2', name: 'f', opaque: { ...signature('E'), dialect: 'gemini' } },
  { kind: 'tool-end', id: 'call_2' },
  { kind: 'stop', stop: 'tool-use' },
];

const WHOLE: readonly Part[] = [
  { kind: 'reasoning', text: `First I ${ODD}`, opaque: signature(`A${ODD}`) },
  text('Let me see.'),
  { kind: 'reasoning', text: 'Second', opaque: signature('B') },
  call('call_1'),
  { kind: 'reasoning', text: '', opaque: { ...signature('C'), form: 'redacted' } },
  { kind: 'reasoning', text: '', opaque: { dialect: 'openai-responses', form: 'encrypted', data: 'D', id: 'rs_1' } },
  { kind: 'tool-call', id: 'call_2', name: 'f', args: '{"a": 1}', opaque: { ...signature('E'), dialect: 'gemini' } },
];

const SHAPES: Readonly<Record<string, readonly Message[]>> = {
  'as it was': [assistant(text('Let me see.'), call('call_1'), call('call_2'))],
  'text in other pieces': [assistant(text('Let'), text(' me see.'), call('call_1'), call('call_2'))],
  'one message a part': [assistant(text('Let me see.')), assistant(call('call_1')), assistant(call('call_2'))],
  'reasoning shown without its data': [
    assistant({ kind: 'reasoning', text: 'First I' }, text('Let me see.'), call('call_1'), call('call_2')),
  ],
  'calls before the text': [assistant(call('call_1'), call('call_2'), text('Let me see.'))],
};

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`an answer is whole again: ${name}`, () => {
    const request = requestOf([user, ...shape, result('call_1'), result('call_2')]);
    const before = structuredClone(request);
    const attached = attachState(request, foundOf(collectState(ANSWER)));
    assert.deepEqual(attached.messages[1]?.parts, WHOLE);
    assert.equal(attached.messages.length, 4);
    assert.deepEqual(request, before);
  });
}

test('what is remembered survives JSON byte for byte', () => {
  const entries = collectState(ANSWER);
  assert.deepEqual(JSON.parse(Buffer.from(JSON.stringify(entries)).toString()), entries);
});

test('the caller is asked for under the names that were remembered', () => {
  const request = requestOf([user, assistant(text('Let me see.'), call('call_1'), call('call_2')), result('call_1')]);
  const asked = new Set(anchorsOf(request));
  for (const { anchor } of collectState(ANSWER)) assert.ok(asked.has(anchor), anchor);
});

test('an answer of text alone is known by its text, in whatever pieces', () => {
  const events: readonly HubEvent[] = [
    { kind: 'reasoning', text: 'hm' },
    { kind: 'reasoning-opaque', opaque: signature('S') },
    { kind: 'text', text: 'Yes \ud83d' },
    { kind: 'text', text: '\ude00.' },
    { kind: 'stop', stop: 'stop' },
  ];
  const found = foundOf(collectState(events));
  const same = requestOf([user, assistant(text('Yes '), text('\ud83d\ude00.')), user]);
  assert.deepEqual(attachState(same, found).messages[1]?.parts, [
    { kind: 'reasoning', text: 'hm', opaque: signature('S') },
    text('Yes \ud83d\ude00.'),
  ]);
  const other = requestOf([user, assistant(text('Yes.')), user]);
  assert.deepEqual(attachState(other, found), other);
});

test('a signature after the text stays after it', () => {
  const found = foundOf(
    collectState([
      { kind: 'text', text: 'Yes.' },
      { kind: 'reasoning-opaque', opaque: signature('S') },
    ]),
  );
  assert.deepEqual(attachState(requestOf([assistant(text('Yes.'))]), found).messages[0]?.parts, [
    text('Yes.'),
    { kind: 'reasoning', text: '', opaque: signature('S') },
  ]);
});

test('what the caller replays itself is not doubled', () => {
  const found = foundOf(collectState(ANSWER));
  const request = requestOf([user, assistant(...WHOLE), result('call_1')]);
  assert.deepEqual(attachState(request, found).messages, request.messages);
  const other: Part = { kind: 'reasoning', text: 'mine', opaque: signature('mine') };
  const own = requestOf([user, assistant(other, ...WHOLE.slice(1)), result('call_1')]);
  assert.deepEqual(attachState(own, found).messages, own.messages);
});

test("the caller's own data of a call is left alone, what is missing beside it is added", () => {
  const found = foundOf(collectState(ANSWER));
  const own: Part = { kind: 'tool-call', id: 'call_1', name: 'f', args: '', opaque: signature('own') };
  const messages = attachState(requestOf([assistant(own), assistant(call('call_2'))]), found).messages;
  const calls = messages.flatMap(({ parts }) => parts).filter((part) => part.kind === 'tool-call');
  assert.deepEqual(
    calls.map(({ opaque }) => opaque?.data),
    ['own', 'E'],
  );
});

test('calls that come back in turns of their own have their data too', () => {
  const found = foundOf(collectState(ANSWER));
  const request = requestOf([
    user,
    assistant(text('Let me see.'), call('call_1')),
    result('call_1'),
    assistant(call('call_2')),
    result('call_2'),
  ]);
  const { messages } = attachState(request, found);
  assert.deepEqual(messages[1]?.parts, WHOLE.slice(0, 4));
  assert.deepEqual(messages[3]?.parts, WHOLE.slice(6));
});

test('in an answer that the caller has edited, reasoning stays before the call that it led to', () => {
  const found = foundOf(collectState(ANSWER));
  const cut = attachState(requestOf([assistant(text('Let me'), call('call_1'), call('call_2'))]), found);
  assert.deepEqual(cut.messages[0]?.parts, [WHOLE[0], text('Let me'), ...WHOLE.slice(2)]);
  const without = attachState(requestOf([assistant(call('call_1'))]), found);
  assert.deepEqual(without.messages[0]?.parts, [WHOLE[0], WHOLE[2], WHOLE[3]]);
});

test('a cache mark of the caller stays at the end of its text', () => {
  const found = foundOf(
    collectState([
      { kind: 'text', text: 'ab' },
      { kind: 'reasoning-opaque', opaque: signature('S') },
      { kind: 'text', text: 'cd' },
    ]),
  );
  const parts = attachState(requestOf([assistant({ kind: 'text', text: 'abcd', cache: { ttl: '1h' } })]), found)
    .messages[0]?.parts;
  assert.deepEqual(parts, [
    text('ab'),
    { kind: 'reasoning', text: '', opaque: signature('S') },
    { kind: 'text', text: 'cd', cache: { ttl: '1h' } },
  ]);
});

test('nothing is remembered of an answer without opaque data, of a broken one, or of one that is too large', () => {
  assert.deepEqual(
    collectState([
      { kind: 'reasoning', text: 'hm' },
      { kind: 'text', text: 'Yes.' },
    ]),
    [],
  );
  assert.deepEqual(collectState([...ANSWER.slice(0, -1), { kind: 'error', class: 'server', code: undefined }]), []);
  assert.deepEqual(collectState([...ANSWER, { kind: 'reasoning', text: 'x'.repeat(2 ** 20) }]), []);
  assert.deepEqual(collectState([{ kind: 'reasoning-opaque', opaque: signature('S') }]), []);
});

test('a request without anything remembered is the very same', () => {
  const request = requestOf([user, assistant(text('a')), user]);
  assert.equal(attachState(request, new Map()), request);
  assert.deepEqual(attachState(request, foundOf(collectState(ANSWER))), request);
});

test('of a very long conversation the newest turns are asked for', () => {
  const messages = Array.from({ length: 3_000 }, (_, index) => [assistant(call(`c${index}`)), result(`c${index}`)]);
  const anchors = anchorsOf(requestOf(messages.flat()));
  assert.equal(anchors.length, 1024);
  assert.equal(anchors[0], 'call:c2999');
});
