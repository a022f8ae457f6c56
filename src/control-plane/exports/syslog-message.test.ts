// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT, DEVICE, hostileFacts, rowOf, SAMPLES } from '../../../test/fakes/export-rows.ts';
import { framesIn, parseSyslog } from '../../../test/fakes/syslog-receiver.ts';
import { cefLine } from './cef.ts';
import { type Facts, factsOf } from './facts.ts';
import { ocsfEvent } from './ocsf.ts';
import { syslogFrame } from './syslog-message.ts';

const only = (facts: Facts, text: string) => {
  const [frame, ...more] = [...framesIn(syslogFrame(facts, text))];
  assert.equal(more.length, 0);
  return parseSyslog(frame ?? assert.fail('no frame'));
};

test('a message says when, from which device, of which kind', () => {
  const facts = SAMPLES['refusal'] ?? assert.fail();
  assert.deepEqual(only(facts, 'text'), {
    facility: 13,
    severity: 4,
    time: AT,
    host: 'laptop-17',
    app: 'outpost',
    process: '-',
    id: 'refusal',
    data: '-',
    text: 'text',
  });
});

test('a device whose name is no word of syslog goes by its id', () => {
  for (const name of ['', 'two words', 'ü', 'x'.repeat(256), '\n<13>1 - forged']) {
    assert.equal(only(factsOf(rowOf({ kind: 'event' }), { ...DEVICE, name }), 'text').host, DEVICE.id);
  }
});

test('lengths are in bytes, so that rows of hostile devices end neither a frame nor a line', () => {
  const all = [...hostileFacts(3, 300)];
  for (const textOf of [cefLine, (facts: Facts) => JSON.stringify(ocsfEvent(facts))]) {
    const bytes = Buffer.concat(all.map((facts) => syslogFrame(facts, textOf(facts))));
    const messages = [...framesIn(bytes)].map(parseSyslog);
    assert.deepEqual(
      messages.map(({ text }) => text),
      all.map(textOf),
    );
  }
});
