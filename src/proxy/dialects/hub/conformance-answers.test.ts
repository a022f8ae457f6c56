// SPDX-License-Identifier: Apache-2.0
// Every answer through every codec, every framing and every pair of dialects, in bytes of any slicing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWERS } from '../../../../test/fakes/conformance/cases.ts';
import {
  type Answer,
  breach,
  canonicalAnswer,
  decodeAnswer,
  encodeAnswer,
  type Read,
  type StreamFraming,
  SUBJECTS,
  type Subject,
} from '../../../../test/fakes/conformance/codecs.ts';
import { seeded } from '../../../../test/fakes/random.ts';
import type { HubEvent } from './hub.ts';

type Stop = Answer['stop'];

/** Which stop classes are right at the end of the path. */
function stopsAfter(stop: Stop, path: readonly Subject[]): readonly Stop[] {
  return path.reduce<readonly Stop[]>(
    (before, { stops }) => before.flatMap((one) => (one === undefined || one === 'failed' ? one : (stops[one] ?? one))),
    [stop],
  );
}

/** Is `read` the answer `events` after these dialects: with fewer counts, nearer stop words, maybe no order? */
function same(read: Read, events: readonly HubEvent[], path: readonly Subject[], where: string): void {
  assert.equal(breach(read.events), undefined, where);
  const sent = canonicalAnswer(events);
  const came = canonicalAnswer(read.events);
  const allowed = stopsAfter(sent.stop, path);
  assert.ok(allowed.includes(came.stop), `${where}: stopped by ${came.stop}, not ${allowed.join(' or ')}`);
  if (came.stop === 'failed') return; // the answer is an error now; nothing else of it counts
  const usage = { ...sent.usage };
  for (const { counts } of path) {
    for (const name of ['cacheRead', 'cacheWrite', 'reasoning'] as const)
      if (!counts.includes(name)) delete usage[name];
  }
  const order = path.every(({ ordered }) => ordered) ? sent.order : came.order;
  assert.deepEqual(came, { ...sent, stop: came.stop, usage, order }, where);
  assert.deepEqual([read.phase, read.understood], ['done', true], where);
}

function* cut(bytes: Buffer, size: () => number): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + size();
    yield bytes.subarray(at, end);
    at = end;
  }
}

const nameOf = ({ codec }: Subject, framing: StreamFraming) => `${codec.dialect}/${framing ?? 'json'}`;

for (const subject of SUBJECTS) {
  for (const framing of subject.framings) {
    test(`${nameOf(subject, framing)}: what is encoded is decoded again, in any slicing`, () => {
      for (const { name, events } of ANSWERS) {
        const { bytes, contentType } = encodeAnswer(subject, events, framing);
        const whole = decodeAnswer(subject, contentType, [bytes], framing);
        same(whole, events, [subject], name);
        const next = seeded(bytes.length);
        const inBytes = decodeAnswer(
          subject,
          contentType,
          cut(bytes, () => 1),
          framing,
        );
        assert.deepEqual(inBytes, whole, `${name}, byte by byte`);
        for (let round = 0; round < 8; round++) {
          const sliced = decodeAnswer(
            subject,
            contentType,
            cut(bytes, () => 1 + Math.floor(next() * 90)),
            framing,
          );
          assert.deepEqual(sliced, whole, `${name}, sliced at random`);
        }
      }
    });
  }
}

test('calls that nobody ended are whole all the same', () => {
  const events: readonly HubEvent[] = [
    { kind: 'start', id: 'a', model: 'm' },
    { kind: 'tool-start', id: 'call_x1', name: 'first' },
    { kind: 'tool-args', id: 'call_x1', text: '{"a":1}' },
    { kind: 'tool-start', id: 'call_x2', name: 'second' },
    { kind: 'tool-args', id: 'call_x2', text: '{"b":2}' },
    { kind: 'text', text: 'afterwards' },
  ];
  for (const subject of SUBJECTS) {
    for (const framing of subject.framings) {
      const { bytes, contentType } = encodeAnswer(subject, events, framing);
      const read = decodeAnswer(subject, contentType, [bytes], framing);
      assert.equal(breach(read.events), undefined, nameOf(subject, framing));
      const { calls, text } = canonicalAnswer(read.events);
      const wanted = canonicalAnswer(events);
      assert.deepEqual({ calls, text }, { calls: wanted.calls, text: wanted.text }, nameOf(subject, framing));
    }
  }
});

for (const from of SUBJECTS) {
  test(`from ${from.codec.dialect} to every dialect`, () => {
    for (const { name, events } of ANSWERS) {
      for (const source of from.framings) {
        const sent = encodeAnswer(from, events, source);
        const hub = decodeAnswer(from, sent.contentType, [sent.bytes], source).events;
        if (canonicalAnswer(hub).stop === 'failed') continue;
        for (const to of SUBJECTS) {
          for (const framing of to.framings) {
            const { bytes, contentType } = encodeAnswer(to, hub, framing);
            const read = decodeAnswer(to, contentType, [bytes], framing);
            same(read, events, [from, to], `${name}: ${nameOf(from, source)} to ${nameOf(to, framing)}`);
          }
        }
      }
    }
  });
}
