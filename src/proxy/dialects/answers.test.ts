// SPDX-License-Identifier: Apache-2.0
// Every dialect's stream, however it is sliced.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWERS } from '../../../test/fixtures/dialects/answers.ts';
import type { AnswerFixture } from '../../../test/fixtures/dialects/fixture.ts';
import type { AnswerReader } from './dialect.ts';
import { dialectOf } from './index.ts';
import { NO_USAGE } from './shared/no-usage.ts';

function open(fixture: AnswerFixture): AnswerReader {
  const dialect = dialectOf(fixture.recognised.dialect);
  const facts = dialect.readRequest(fixture.recognised, Buffer.from(JSON.stringify(fixture.request)));
  assert.ok(facts.understood && facts.stream);
  return dialect.readAnswer(fixture.recognised, facts, fixture.head);
}

function read(fixture: AnswerFixture, chunks: readonly Uint8Array[]): AnswerReader {
  const reader = open(fixture);
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return reader;
}

/** All that the exchange can see of a reader. */
function seen(reader: AnswerReader) {
  const { phase, contentSeen, events, deltas } = reader;
  return { phase, contentSeen, events, deltas, facts: reader.facts() };
}

for (const fixture of ANSWERS) {
  const whole = Buffer.concat(fixture.pieces);

  test(`${fixture.name}: facts, and content exactly where it begins`, () => {
    const reader = open(fixture);
    fixture.pieces.forEach((piece, at) => {
      reader.push(piece);
      assert.equal(reader.contentSeen, at >= fixture.contentAt, `after piece ${at}`);
      assert.equal(reader.phase === 'holding', at < fixture.contentAt, `after piece ${at}`);
      const last = at === fixture.pieces.length - 1;
      if (last) assert.equal(reader.phase, 'done', 'the terminal event is seen before the socket ends');
    });
    reader.end();
    assert.deepEqual(reader.facts(), {
      understood: true,
      error: undefined,
      ...fixture.expected,
      usage: { ...NO_USAGE, ...fixture.expected.usage },
    });
  });

  test(`${fixture.name}: split in two at every byte, and byte by byte`, () => {
    const expected = seen(read(fixture, [whole]));
    for (let at = 1; at < whole.length; at++) {
      assert.deepEqual(seen(read(fixture, [whole.subarray(0, at), whole.subarray(at)])), expected, `split at ${at}`);
    }
    // One buffer for all slices, as a reader of sockets may do.
    const one = Buffer.alloc(1);
    const reader = open(fixture);
    for (const byte of whole) {
      one[0] = byte;
      reader.push(one);
    }
    reader.end();
    assert.deepEqual(seen(reader), expected);
  });

  test(`${fixture.name}: cut off anywhere it is never done, and never throws`, () => {
    const terminalAt = fixture.pieces.findIndex((_piece, at) => {
      const reader = open(fixture);
      for (const piece of fixture.pieces.slice(0, at + 1)) reader.push(piece);
      reader.end();
      return reader.phase === 'done';
    });
    assert.ok(terminalAt >= 1);
    const until = Buffer.concat(fixture.pieces.slice(0, terminalAt)).length;
    for (let at = 0; at <= until; at++) {
      const reader = read(fixture, [whole.subarray(0, at)]);
      assert.notEqual(reader.phase, 'done', `cut at ${at}`);
      assert.notEqual(reader.phase, 'failed', `cut at ${at}`);
      assert.ok(reader.facts().understood);
    }
  });

  if (fixture.head.contentType === 'text/event-stream') {
    test(`${fixture.name}: the same with CRLF, CR, and a byte order mark`, () => {
      const expected = seen(read(fixture, [whole]));
      for (const end of ['\r\n', '\r']) {
        const bytes = Buffer.from(`\ufeff${whole.toString().replaceAll('\n', end)}`);
        assert.deepEqual(seen(read(fixture, [bytes])), expected);
        for (let at = 1; at < bytes.length; at++) {
          assert.deepEqual(
            seen(read(fixture, [bytes.subarray(0, at), bytes.subarray(at)])),
            expected,
            `split at ${at}`,
          );
        }
      }
    });
  }
}
