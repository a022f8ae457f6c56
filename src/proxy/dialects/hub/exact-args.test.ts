// SPDX-License-Identifier: Apache-2.0
// Numbers in tool arguments (ids of orders and accounts) arrive as they left, also where arguments travel as objects.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST } from '../../../../test/fakes/hub-request.ts';
import { TARGET } from '../../../../test/fakes/hub-target.ts';
import { codecOf } from '../codecs.ts';
import type { DialectId } from '../dialect.ts';
import type { HubEvent, HubRequest } from './hub.ts';

const ARGS = '{"order":12345678901234567890,"at":{"rate":0.12345678901234567890},"n":7}';

const REQUEST: HubRequest = {
  ...EMPTY_REQUEST,
  messages: [
    { role: 'user', parts: [{ kind: 'text', text: 'hi' }] },
    { role: 'assistant', parts: [{ kind: 'tool-call', id: 'call_1', name: 'f', args: ARGS }] },
    { role: 'user', parts: [{ kind: 'tool-result', id: 'call_1', name: 'f', parts: [], isError: false }] },
  ],
};

const DIALECTS: readonly DialectId[] = ['anthropic-messages', 'bedrock-invoke', 'bedrock-converse', 'gemini', 'ollama'];

for (const dialect of DIALECTS) {
  const codec = codecOf(dialect);
  assert.ok(codec);

  test(`${dialect}: a request keeps the numbers of its arguments`, () => {
    const text = JSON.stringify(codec.encodeRequest(REQUEST, TARGET).body);
    assert.ok(text.includes(ARGS), text);
  });

  for (const space of ['', '\n ']) {
    test(`${dialect}: an answer keeps the numbers of its arguments${space === '' ? '' : ', spread over lines'}`, () => {
      const options = { framing: undefined, model: 'm', id: 'i', createdAt: 0, request: REQUEST };
      const encoder = codec.createEncoder(options);
      const events: readonly HubEvent[] = [
        { kind: 'start', id: undefined, model: undefined },
        { kind: 'tool-start', id: 'call_1', name: 'f' },
        { kind: 'tool-args', id: 'call_1', text: ARGS.replace('{', `{${space}`) },
        { kind: 'tool-end', id: 'call_1' },
        { kind: 'stop', stop: 'tool-use' },
      ];
      const text = Buffer.concat([...events.map((event) => encoder.push(event)), encoder.end()]).toString();
      assert.ok(text.includes(ARGS), text);
    });
  }
}
