// SPDX-License-Identifier: Apache-2.0
// What the three block encoders write, cut anywhere, is read back as the same events: Anthropic over SSE, Anthropic and Converse over
// AWS frames. Seeded; the framing parsers and readers are the ones of the product.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import { seededBelow } from '../../../../../test/fakes/random.ts';
import { anthropicCodec } from '../../anthropic/codec/codec.ts';
import { anthropicMessages } from '../../anthropic/dialect.ts';
import type { AnswerWatch, Framing, Recognised } from '../../dialect.ts';
import type { Codec } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { bedrockConverse } from '../converse.ts';
import { bedrockInvoke } from '../invoke.ts';
import { invokeFramesToSse, sseToInvokeFrames } from '../reframe.ts';
import { bedrockConverseCodec } from './codec.ts';
import { bedrockInvokeCodec } from './invoke.ts';

const WORDS = ['a', 'Grüße', '🌍', '"', '\\', '\n\n', 'data: x', '\u2028', '{"k":', ' '];

function events(codec: Codec, next: (below: number) => number): HubEvent[] {
  const opaqueDialect = codec === bedrockConverseCodec ? 'bedrock-converse' : 'anthropic-messages';
  const text = () => Array.from({ length: 1 + next(4) }, () => WORDS[next(WORDS.length)]).join('');
  const out: HubEvent[] = [{ kind: 'start', id: undefined, model: undefined }];
  for (let part = 0, parts = next(5); part < parts; part++) {
    switch (next(4)) {
      case 0:
        for (let piece = 0; piece <= next(3); piece++) out.push({ kind: 'text', text: text() });
        out.push({ kind: 'part-end' });
        break;
      case 1:
        out.push({ kind: 'reasoning', text: text() });
        if (next(2) === 0) {
          out.push({
            kind: 'reasoning-opaque',
            opaque: { dialect: opaqueDialect, form: 'signature', data: `s${part}` },
          });
        }
        out.push({ kind: 'part-end' });
        break;
      case 2:
        out.push({ kind: 'reasoning-opaque', opaque: { dialect: opaqueDialect, form: 'redacted', data: `r${part}` } });
        out.push({ kind: 'part-end' });
        break;
      default: {
        const id = `c${part}`;
        out.push({ kind: 'tool-start', id, name: `tool${part}` });
        for (let piece = 0; piece < next(3); piece++) out.push({ kind: 'tool-args', id, text: text() });
        out.push({ kind: 'tool-end', id });
      }
    }
  }
  const stop = (['stop', 'length', 'tool-use'] as const)[next(3)] ?? 'stop';
  const sequence = stop === 'stop' && next(2) === 0 ? { sequence: 'END' } : {};
  const calls = out.some(({ kind }) => kind === 'tool-start');
  out.push({
    kind: 'stop',
    stop: calls && stop === 'stop' && !('sequence' in sequence) ? 'tool-use' : stop,
    ...sequence,
  });
  const cacheRead = next(5);
  const cacheWrite = next(5);
  const usage = {
    input: cacheRead + cacheWrite + next(100),
    output: next(100),
    cacheRead,
    cacheWrite,
    reasoning: undefined,
  };
  out.push({ kind: 'usage', usage });
  return out;
}

/** Neighbouring pieces of one text are one; names that only the wire gives are left out. */
function merged(list: readonly HubEvent[]): HubEvent[] {
  const out: HubEvent[] = [];
  for (const event of list) {
    const last = out.at(-1);
    if (event.kind === 'start') out.push({ ...event, id: undefined, model: undefined });
    else if (event.kind === 'text' && last?.kind === 'text')
      out[out.length - 1] = { ...last, text: last.text + event.text };
    else if (event.kind === 'tool-args' && last?.kind === 'tool-args' && last.id === event.id) {
      out[out.length - 1] = { ...last, text: last.text + event.text };
    } else out.push(event);
  }
  return out;
}

function encode(codec: Codec, framing: Exclude<Framing, 'json'>, list: readonly HubEvent[]): Buffer {
  const encoder = codec.createEncoder({ framing, model: 'm', id: 'i', createdAt: 0, request: EMPTY_REQUEST });
  return Buffer.concat([...list.map((event) => encoder.push(event)), encoder.end()]);
}

const DIALECTS = {
  'anthropic-messages': { dialect: anthropicMessages, type: 'text/event-stream' },
  'bedrock-converse': { dialect: bedrockConverse, type: 'application/vnd.amazon.eventstream' },
  'bedrock-invoke': { dialect: bedrockInvoke, type: 'application/vnd.amazon.eventstream' },
} as const;

function decode(codec: Codec, slices: readonly Buffer[]): { readonly events: HubEvent[]; readonly done: boolean } {
  const id = codec.dialect;
  assert.ok(id === 'anthropic-messages' || id === 'bedrock-converse' || id === 'bedrock-invoke');
  const { dialect, type } = DIALECTS[id];
  const recognised: Recognised = { dialect: id, operation: 'generate', pathModel: 'm', pathStream: true };
  const decoder = codec.createDecoder();
  const out: HubEvent[] = [];
  const watch: AnswerWatch = {
    event: (value, name) => out.push(...decoder.event(value, name)),
    document: () => assert.fail('not a document'),
  };
  const facts = dialect.readRequest(recognised, undefined);
  const reader = dialect.readAnswer(recognised, facts, { status: 200, contentType: type, watch });
  for (const slice of slices) reader.push(slice);
  reader.end();
  out.push(...decoder.end());
  return { events: out, done: reader.phase === 'done' && reader.facts().understood };
}

function sliced(bytes: Buffer, next: (below: number) => number): Buffer[] {
  const slices: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = next(3) === 0 ? 1 : 1 + next(60);
    slices.push(bytes.subarray(at, at + length));
    at += length;
  }
  return slices;
}

for (const [codec, framing] of [
  [anthropicCodec, 'sse'],
  [bedrockInvokeCodec, 'aws-event-stream'],
  [bedrockConverseCodec, 'aws-event-stream'],
] as const) {
  test(`${codec.dialect}: encoded, cut anywhere and decoded is the same answer`, () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = seededBelow(seed);
      const list = events(codec, next);
      const { events: back, done } = decode(codec, sliced(encode(codec, framing, list), next));
      assert.deepEqual(merged(back), merged(list), `seed ${seed}`);
      assert.equal(done, true, `seed ${seed}: the reader saw a whole answer`);
    }
  });

  test(`${codec.dialect}: a document has the same content as the stream`, () => {
    for (let seed = 1; seed <= 100; seed++) {
      const list = events(codec, seededBelow(seed)).filter(({ kind }) => kind !== 'tool-args');
      const encoder = codec.createEncoder({
        framing: undefined,
        model: 'm',
        id: 'i',
        createdAt: 0,
        request: EMPTY_REQUEST,
      });
      for (const event of list) assert.equal(encoder.push(event).length, 0);
      const back = codec.createDecoder().document(JSON.parse(encoder.end().toString('utf8')));
      // A block without text has no piece to come back as; Converse names the sequence apart.
      assert.deepEqual(merged(back), merged(list), `seed ${seed}`);
    }
  });
}

test('Anthropic events go through both framings and back unchanged, in any slicing', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const next = seededBelow(seed);
    const sse = encode(anthropicCodec, 'sse', events(anthropicCodec, next));
    const toFrames = sseToInvokeFrames();
    const frames = Buffer.concat([...sliced(sse, next).map((slice) => toFrames.push(slice)), toFrames.end()]);
    const toSse = invokeFramesToSse();
    const back = Buffer.concat([...sliced(frames, next).map((slice) => toSse.push(slice)), toSse.end()]);
    assert.equal(back.toString('utf8'), sse.toString('utf8'), `seed ${seed}`);
  }
});
