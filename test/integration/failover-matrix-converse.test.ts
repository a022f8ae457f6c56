// SPDX-License-Identifier: Apache-2.0
// The fault matrix for callers of Bedrock Converse: backups are another region of the same dialect, and Anthropic.

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type Caller, counted, members, only, type Streamed, words } from './failover-caller.ts';
import { testMatrix } from './failover-matrix.ts';
import { LEAK, type Play } from './failover-primary.ts';

function refusal(status: number, type: string, message: string): Extract<Play, { kind: 'answer' }> {
  const body = JSON.stringify({ message: `${message} (${LEAK})` });
  return { kind: 'answer', status, headers: ['x-amzn-errortype', type], body };
}

function countedUsage(value: unknown): void {
  const usage = members(value);
  for (const name of ['inputTokens', 'outputTokens', 'totalTokens']) counted(usage[name]);
}

function whole(body: string): { readonly text: string; readonly model: undefined } {
  const answer = members(JSON.parse(body));
  assert.equal(answer['stopReason'], 'end_turn');
  const message = members(members(answer['output'])['message']);
  assert.equal(message['role'], 'assistant');
  countedUsage(answer['usage']);
  assert.ok('latencyMs' in members(answer['metrics']));
  return { text: words(only(message['content'])['text']), model: undefined };
}

interface Frame {
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: unknown;
}

/** Frames of string headers, both checksums verified. */
function framesOf(body: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at);
    const frame = body.subarray(at, at + length);
    assert.equal(frame.length, length, 'a frame is cut');
    assert.equal(frame.readUInt32BE(8), crc32(frame.subarray(0, 8)));
    assert.equal(frame.readUInt32BE(length - 4), crc32(frame.subarray(0, length - 4)));
    const headersEnd = 12 + frame.readUInt32BE(4);
    const headers = new Map<string, string>();
    for (let here = 12; here < headersEnd; ) {
      const name = frame.subarray(here + 1, here + 1 + frame.readUInt8(here)).toString();
      here += 1 + name.length;
      assert.equal(frame.readUInt8(here), 7, 'a header that is no string');
      const value = frame.subarray(here + 3, here + 3 + frame.readUInt16BE(here + 1)).toString();
      here += 3 + Buffer.byteLength(value);
      headers.set(name, value);
    }
    frames.push({ headers, payload: JSON.parse(frame.subarray(headersEnd, length - 4).toString('utf8')) });
    at += length;
  }
  return frames;
}

function streamed(body: Buffer): Streamed {
  const errors: string[] = [];
  const types: string[] = [];
  let text = '';
  for (const { headers, payload } of framesOf(body)) {
    assert.equal(errors.length, 0, 'after the end');
    const value = members(payload);
    if (headers.get(':message-type') === 'exception') {
      assert.match(headers.get(':exception-type') ?? '', /^[a-z]\w+Exception$/);
      errors.push(words(value['message']));
      continue;
    }
    assert.equal(headers.get(':message-type'), 'event');
    const type = headers.get(':event-type') ?? '';
    if (type === 'messageStart') assert.equal(value['role'], 'assistant');
    if (type === 'contentBlockDelta') text += words(members(value['delta'])['text']);
    if (type === 'messageStop') assert.equal(value['stopReason'], 'end_turn');
    if (type === 'metadata') countedUsage(value['usage']);
    if (type !== 'contentBlockDelta' || types.at(-1) !== type) types.push(type);
  }
  const all = ['messageStart', 'contentBlockDelta', 'contentBlockStop', 'messageStop', 'metadata'];
  assert.deepEqual(types, all.slice(0, types.length), 'steps in this order, each once');
  return { text, done: types.length === all.length, errors, model: undefined };
}

const caller: Caller = {
  dialect: 'bedrock-converse',
  modes: ['json', 'stream'],
  type: 'bedrock',
  sameModel: 'anthropic.claude-sonnet-4-6-v1:0',
  other: { type: 'anthropic', model: 'claude-sonnet-4-6' },
  family: 'bedrock',
  preamble: 1,
  inBand: 'bad-answer',
  path: (model, mode) => `/model/${model}/${mode === 'json' ? 'converse' : 'converse-stream'}`,
  body: (_model, prompt) => ({
    system: [{ text: 'be brief' }],
    messages: [{ role: 'user', content: [{ text: prompt }] }],
    inferenceConfig: { maxTokens: 1_000 },
  }),
  whole,
  streamed,
  error: (body, header) => {
    assert.match(header('x-amzn-errortype') ?? '', /Exception/);
    return words(members(JSON.parse(body))['message']);
  },
  refusals: {
    quota: refusal(400, 'ServiceQuotaExceededException', 'Your account has used up its share of this service.'),
    noModel: refusal(400, 'ValidationException', 'The provided model identifier is invalid.'),
    tooLong: refusal(400, 'ValidationException', 'Input is too long for requested model.'),
  },
};

testMatrix(caller);
