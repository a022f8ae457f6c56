// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { Nudge } from '../../contract/sync/messages.ts';
import type { Http, Streamed } from './http.ts';
import { createParser, createStream } from './stream.ts';

const OURS = { 'outpost-sync': 'outpost-sync/1' };
const { privateKey } = generateKeyPairSync('ed25519');

function opened() {
  const clock = new FakeClock();
  const streams: { readonly to: Streamed; ended: boolean }[] = [];
  const nudges: Nudge[] = [];
  let changes = 0;
  const http: Http = {
    ask: async () => ({ kind: 'none', why: 'nothing' }),
    stream(to) {
      const one = { to, ended: false };
      streams.push(one);
      return () => {
        if (one.ended) return;
        one.ended = true;
        to.onEnd('closed');
      };
    },
    retire: () => undefined,
    close: () => undefined,
  };
  const stream = createStream({
    http,
    signer: () => ({ kid: 'k', key: privateKey, created: 1 }),
    clock,
    random: () => 0.5,
    onNudge: (nudge) => nudges.push(nudge),
    onChange: () => {
      changes += 1;
    },
  });
  const last = () => {
    const one = streams.at(-1);
    assert.ok(one !== undefined);
    return one;
  };
  return { clock, stream, streams, nudges, last, changes: () => changes };
}

const say = (text: string): Buffer => Buffer.from(text, 'utf8');

test('nudges are read in any slicing; comments, other events and bad data are passed over', () => {
  const text =
    ': hello\n\nevent: fresh\ndata: {"seq":7,"spread_s":30,"more":1}\n\nevent: other\ndata: {"seq":8,"spread_s":1}\n\n' +
    'event: fresh\r\ndata: {"seq":9,"spread_s":0}\r\n\r\nevent: fresh\ndata: {"seq":"9"}\n\nevent: fresh\ndata: x\n\n' +
    'event: fresh\ndata: {"seq":9,"spread_s":3601}\n\nevent: fresh\ndata: null\n\n';
  for (const size of [1, 3, 7, 1000]) {
    const nudges: Nudge[] = [];
    const parse = createParser((nudge) => nudges.push(nudge));
    const bytes = say(text);
    for (let at = 0; at < bytes.length; at += size) assert.equal(parse(bytes.subarray(at, at + size)), true);
    assert.deepEqual(nudges, [
      { seq: 7, spread_s: 30 },
      { seq: 9, spread_s: 0 },
    ]);
  }
});

test('an event without an end is no stream of ours', () => {
  const parse = createParser(() => undefined);
  assert.equal(parse(Buffer.alloc(4096, 0x61)), true);
  assert.equal(parse(Buffer.alloc(1, 0x61)), false);
});

test('a stream that is open says so, and one that is lost is opened again within a minute', () => {
  const { stream, last, streams, clock, changes } = opened();
  assert.equal(stream.connected, false);
  assert.equal(last().to.onHead(200, OURS), true);
  assert.deepEqual([stream.connected, changes()], [true, 1]);
  last().to.onEnd('ECONNRESET');
  assert.deepEqual([stream.connected, changes()], [false, 2]);
  clock.advance(29_999);
  assert.equal(streams.length, 1);
  clock.advance(1);
  assert.equal(streams.length, 2);
  last().to.onEnd('ECONNREFUSED');
  clock.advance(60_000);
  assert.equal(streams.length, 3, 'later after the second failure');
});

test('ninety seconds of silence mean that nobody is there', () => {
  const { last, clock, stream } = opened();
  last().to.onHead(200, OURS);
  clock.advance(89_999);
  last().to.onBytes(say(': still here\n\n'));
  clock.advance(89_999);
  assert.equal(stream.connected, true);
  clock.advance(1);
  assert.equal(stream.connected, false);
  assert.equal(last().ended, true);
});

test('what is no control plane is not listened to, and a wait that is asked for is kept', () => {
  const { last, clock, streams } = opened();
  assert.equal(last().to.onHead(200, {}), false);
  assert.equal(last().to.onHead(503, { ...OURS, 'retry-after': '600' }), false);
  last().to.onEnd('refused');
  clock.advance(599_999);
  assert.equal(streams.length, 1);
  clock.advance(1);
  assert.equal(streams.length, 2);
});

test('a stream that is closed stays closed, also while it waits', () => {
  const { stream, last, clock, streams } = opened();
  last().to.onEnd('ECONNREFUSED');
  stream.close();
  clock.advance(3_600_000);
  assert.equal(streams.length, 1);
  assert.equal(clock.pending, 0);
});

test('after sleep it is opened anew', () => {
  const { stream, last, clock, streams } = opened();
  last().to.onHead(200, OURS);
  stream.reconnect();
  assert.equal(stream.connected, false);
  clock.advance(60_000);
  assert.equal(streams.length, 2);
});
