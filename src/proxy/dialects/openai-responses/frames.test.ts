// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { WebSocketServer } from 'ws';
import { spliceModel } from '../json/splice.ts';
import { createFrameReader, errorFrame, laneOf, readClientFrame } from './frames.ts';

const message = (value: unknown) => Buffer.from(JSON.stringify(value));

test('response.create: the request beside the type, always streamed, its model can be spliced', () => {
  const bytes = message({
    type: 'response.create',
    model: 'gpt-5',
    instructions: 'sys',
    input: [{ role: 'user', content: 'hi' }],
    tools: [{ type: 'function', name: 'f' }],
  });
  const frame = readClientFrame(bytes);
  assert.ok(frame.kind === 'create');
  const { facts } = frame;
  assert.deepEqual([facts.understood, facts.model, facts.stream, facts.messageCount], [true, 'gpt-5', true, 1]);
  assert.deepEqual(facts.toolNames, ['f']);
  assert.deepEqual(
    facts.textSpans().map(({ role, pointer }) => [role, pointer]),
    [
      ['system', '/instructions'],
      ['user', '/input/0/content'],
    ],
  );
  assert.ok(facts.modelSpan);
  const spliced = JSON.parse(spliceModel(bytes, facts.modelSpan, 'other').toString()) as {
    model: string;
    type: string;
  };
  assert.deepEqual([spliced.model, spliced.type], ['other', 'response.create']);
});

test('response.create: the request wrapped into `response`', () => {
  const frame = readClientFrame(
    message({ type: 'response.create', response: { model: 'm', input: 'hi' }, stream_id: 'l1' }),
  );
  assert.ok(frame.kind === 'create');
  assert.deepEqual([frame.facts.model, frame.lane], ['m', 'l1']);
  assert.deepEqual(
    frame.facts.textSpans().map(({ pointer }) => pointer),
    ['/response/input'],
  );
});

test('steering carries text of the user; other events are named', () => {
  const steer = readClientFrame(message({ type: 'response.steer', previous_response_id: 'r', input: 'stop' }));
  assert.ok(steer.kind === 'steer');
  assert.equal(steer.facts.textSpans().length, 1);
  assert.deepEqual(readClientFrame(message({ type: 'response.cancel' })), { kind: 'other', type: 'response.cancel' });
  assert.deepEqual(readClientFrame(message({})), { kind: 'other', type: undefined });
});

test('what cannot be read may be anything, also a request for an answer', () => {
  const deep = `{"type":"response.create","model":"m","metadata":${'['.repeat(600)}${']'.repeat(600)}}`;
  for (const text of ['nonsense', '{"type":"response.create","model":"m","temperature":NaN}', deep]) {
    assert.deepEqual(readClientFrame(Buffer.from(text)), { kind: 'unreadable' });
  }
});

test('a message that can be read in two ways is read in both', () => {
  const beside = message({
    type: 'response.create',
    model: 'outer',
    input: 'one',
    response: { model: 'inner', input: 'two' },
  });
  const both = readClientFrame(beside);
  assert.ok(both.kind === 'create');
  assert.deepEqual([both.facts.model, both.facts.otherModel], ['inner', 'outer']);
  assert.deepEqual(
    both.facts.textSpans().map(({ pointer }) => pointer),
    ['/input', '/response/input'],
  );
  for (const text of [
    '{"type":"response.create","model":"outer","input":"x","Response":{"model":"inner"}}',
    '{"type":"response.create","type":"response.cancel","model":"outer","response":null,"Model":"inner"}',
    '{"TYPE":"response.create","response":{"model":"inner","MODEL":"outer"}}',
  ]) {
    const frame = readClientFrame(Buffer.from(text));
    assert.ok(frame.kind === 'create', text);
    assert.deepEqual([frame.facts.model, frame.facts.otherModel].sort(), ['inner', 'outer'], text);
  }
});

test('two answers on one socket, each with its own reader', () => {
  for (const id of ['resp_1', 'resp_2']) {
    const reader = createFrameReader();
    const phases = [
      { type: 'response.created', response: { id, model: 'm', status: 'in_progress' } },
      { type: 'codex.rate_limits', limits: {} },
      { type: 'response.output_text.delta', delta: 'x' },
      {
        type: 'response.completed',
        response: { id, status: 'completed', usage: { input_tokens: 3, output_tokens: 1 } },
      },
    ].map((event) => {
      reader.push(message(event));
      return reader.phase;
    });
    assert.deepEqual(phases, ['holding', 'holding', 'content', 'done']);
    assert.deepEqual([reader.facts().responseId, reader.facts().usage.input, reader.events], [id, 3, 4]);
  }
});

test('messages of no known kind are never held back, and their end is not judged', () => {
  const reader = createFrameReader();
  reader.push(message({ type: 'text-delta', text: 'x' }));
  assert.equal(reader.phase, 'content');
  reader.end();
  assert.deepEqual([reader.phase, reader.facts().understood], ['done', false]);
  const early = createFrameReader();
  early.push(message({ type: 'response.created', response: {} }));
  early.end();
  assert.deepEqual([early.phase, early.facts().understood], ['holding', true]);
});

test('lanes are told apart', () => {
  assert.equal(laneOf(message({ type: 'response.created', stream_id: 'l2' })), 'l2');
  assert.equal(laneOf(message({ type: 'response.created' })), undefined);
});

test('the refusal reaches the real openai client as an error with our message', async () => {
  const refusal = errorFrame(
    { status: 400, code: 'OUT_BLOCKED_MODEL', message: 'Not allowed here.', class: 'invalid-request' },
    'l1',
  );
  assert.equal(laneOf(refusal), 'l1');
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', () => socket.send(refusal, { binary: false })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new ResponsesWS(new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${port}/v1` }));
  try {
    const error = await new Promise<Error>((resolve) => {
      client.on('error', resolve);
      client.socket.on('open', () => client.send({ type: 'response.create', model: 'm', input: 'x' }));
    });
    assert.match(error.message, /Not allowed here\./);
  } finally {
    client.close();
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.close();
  }
});
