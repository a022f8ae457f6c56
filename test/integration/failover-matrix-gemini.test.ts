// SPDX-License-Identifier: Apache-2.0
// The fault matrix for callers of Gemini, streams as server-sent events and as one JSON array: backups are another host of the same
// dialect, and OpenAI.

import assert from 'node:assert/strict';
import {
  type Caller,
  counted,
  type Members,
  members,
  only,
  type Streamed,
  sseEvents,
  words,
} from './failover-caller.ts';
import { testMatrix } from './failover-matrix.ts';
import { LEAK, type Play } from './failover-primary.ts';

function refusal(
  status: number,
  word: string,
  message: string,
  details: unknown[] = [],
): Extract<Play, { kind: 'answer' }> {
  const error = { code: status, message: `${LEAK}: ${message}`, status: word, details };
  return { kind: 'answer', status, headers: [], body: JSON.stringify({ error }) };
}

function sentence(value: unknown): string {
  const error = members(members(value)['error']);
  assert.ok(Number.isInteger(error['code']));
  assert.match(words(error['status']), /^[A-Z_]+$/);
  return words(error['message']);
}

/** The text of one chunk, or of the whole. */
function textOf(chunk: Members): string {
  const candidate = only(chunk['candidates']);
  const content = members(candidate['content']);
  assert.equal(content['role'], 'model');
  return words(only(content['parts'])['text']);
}

function isLast(chunk: Members): boolean {
  const reason = only(chunk['candidates'])['finishReason'];
  if (reason === undefined) return false;
  assert.equal(reason, 'STOP');
  const usage = members(chunk['usageMetadata']);
  for (const name of ['promptTokenCount', 'candidatesTokenCount', 'totalTokenCount']) counted(usage[name]);
  return true;
}

function whole(body: string): { readonly text: string; readonly model: string } {
  const answer = members(JSON.parse(body));
  assert.ok(isLast(answer));
  return { text: textOf(answer), model: words(answer['modelVersion']) };
}

/** The array may end early, where the connection does: then it is closed by hand. */
function arrayElements(body: Buffer): readonly unknown[] {
  const text = body.toString('utf8').trimEnd();
  return JSON.parse(text.endsWith(']') ? text : `${text}]`) as readonly unknown[];
}

function streamed(body: Buffer, mode: string): Streamed {
  const values =
    mode === 'array' ? arrayElements(body) : sseEvents(body).map(({ data }) => JSON.parse(data) as unknown);
  const errors: string[] = [];
  const ids = new Set<unknown>();
  let [text, model, done] = ['', '', false];
  for (const value of values) {
    const chunk = members(value);
    assert.equal(done || errors.length > 0, false, `after the end: ${JSON.stringify(chunk)}`);
    if (chunk['error'] !== undefined) {
      errors.push(sentence(chunk));
      continue;
    }
    text += textOf(chunk);
    done = isLast(chunk);
    ids.add(chunk['responseId']);
    model = words(chunk['modelVersion']);
  }
  assert.equal(ids.size, 1, 'chunks of two answers');
  if (mode === 'array' && done) assert.match(body.toString('utf8'), /\]\s*$/);
  return { text, done, errors, model };
}

const PER_DAY = {
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }],
};

const caller: Caller = {
  dialect: 'gemini',
  modes: ['json', 'stream', 'array'],
  type: 'gemini',
  sameModel: 'gemini-2.5-flash',
  other: { type: 'openai', model: 'gpt-4o-mini' },
  family: 'gemini',
  preamble: 0,
  inBand: 'overload',
  path: (model, mode) => {
    const verb = mode === 'json' ? 'generateContent' : 'streamGenerateContent';
    return `/v1beta/models/${model}:${verb}${mode === 'stream' ? '?alt=sse' : ''}`;
  },
  body: (_model, prompt) => ({
    systemInstruction: { parts: [{ text: 'be brief' }] },
    contents: [{ role: 'user', parts: [{ text: prompt }] }],
  }),
  whole,
  streamed,
  error: (body) => sentence(JSON.parse(body)),
  refusals: {
    quota: refusal(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [PER_DAY]),
    noModel: refusal(404, 'NOT_FOUND', 'models/case is not found for API version v1beta, or is not supported.'),
    tooLong: refusal(
      400,
      'INVALID_ARGUMENT',
      'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
    ),
  },
};

testMatrix(caller);
