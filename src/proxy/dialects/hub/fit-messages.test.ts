// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitMessages } from './fit-messages.ts';

const LOOP =
  '{ "messages" : [{"content":"be brief","role":"developer"},{"role":"user","content":"developer"},' +
  '{"role":"assistant","tool_calls":[{"id":"call_abcdefghijklmnop","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"abcdefghi"}]},' +
  '{"tool_call_id":"call_abcdefghijklmnop","role":"tool","content":"1.0"},{"role":"tool","tool_call_id":"abcdefghi"}],"x":1e1}';

test('a host without the developer role gets a system message, and not a byte else changes', () => {
  assert.equal(fitMessages(Buffer.from(LOOP), {}).toString(), LOOP.replace('"role":"developer"', '"role":"system"'));
  const body = Buffer.from(LOOP);
  assert.equal(fitMessages(body, { systemRole: 'developer' }), body);
});

test('call and result keep one id, in nine letters or digits; what fits stays', () => {
  const out = fitMessages(Buffer.from(LOOP), { systemRole: 'developer', shortToolIds: true }).toString();
  const [, call, kept, result, keptResult] =
    /"tool_calls":\[\{"id":"(\w+)".*\{"id":"(\w+)"\}\].*"tool_call_id":"(\w+)".*"tool_call_id":"(\w+)"/.exec(out) ?? [];
  assert.match(call ?? '', /^[a-z0-9]{9}$/);
  assert.equal(result, call);
  assert.deepEqual([kept, keptResult], ['abcdefghi', 'abcdefghi']);
  assert.equal(out.replaceAll(call ?? '', 'call_abcdefghijklmnop'), LOOP);
});

test('odd shapes stay as they are', () => {
  for (const odd of [
    '',
    'no "developer"',
    '[]',
    '{"messages":"developer"}',
    '{"messages":[1,null,{"role":1,"tool_calls":{}}]}',
  ]) {
    const body = Buffer.from(odd);
    assert.equal(fitMessages(body, { shortToolIds: true }), body);
  }
});
