// SPDX-License-Identifier: Apache-2.0
// Conversations on a running daemon: where they stay after a failover, when they go back, and that what a provider wants to be told again
// comes back to it byte for byte, and to nobody else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Seen } from '../fakes/provider/client.ts';
import type { RecordedRequest } from '../fakes/provider/recorded.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { startOnClock } from './daemon-on-a-clock.ts';
import {
  type Bench,
  onDisk,
  type Question,
  receivedBy,
  receivedFrom,
  remembered,
  startBench,
} from './failover-chain-kit.ts';
import { until } from './intercept-kit.ts';

/** What only Gemini understands; not quite base64, so that whoever reads it as such changes it. */
const THOUGHT = 'CpQBAdHtim9+/thought/signature==\u00e9';
/** The same of the simulated Anthropic. */
const SIGNATURE = 'c2ltdWxhdGVk';
const TOOL = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

/** Answers the first turn with a tool call that bears a signature, every other one with text. Keeps the bodies. */
function gemini(bodies: string[]): Server {
  return createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.once('end', () => {
      bodies.push(body);
      const parts = body.includes('functionResponse')
        ? [{ text: 'It rains.' }]
        : [
            { text: 'A thought.', thought: true },
            { functionCall: { name: 'weather', args: { city: 'Graz' } }, thoughtSignature: THOUGHT },
          ];
      const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 5, totalTokenCount: 10 };
      const candidates = [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ candidates, usageMetadata, modelVersion: 'gemini-simulated', responseId: 'r' }));
    });
  });
}

const toGemini: string[] = [];
const toOtherGemini: string[] = [];
const servers = [gemini(toGemini), gemini(toOtherGemini)];

let bench: Bench;
before(async () => {
  const origins: string[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origins.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const thinking = ['claude-sonnet-4-5', 'claude-sonnet-4-5'];
  const route = (id: string, names: readonly string[]) => ({
    fallbacks: [{ provider: `${id}-1` }, ...names.map((model, at) => ({ provider: `${id}-${at + 2}`, model }))],
  });
  bench = await startBench(
    {
      stays: {},
      off: { routing: { affinity: { enabled: false } } },
      anthropic: { types: ['openai', 'anthropic', 'anthropic'], route: route('anthropic', thinking) },
      restart: { types: ['openai', 'anthropic'], route: route('restart', thinking.slice(1)) },
      gemini: {
        types: ['openai', 'gemini', 'gemini'],
        providers: [{}, { base_url: origins[0] }, { base_url: origins[1] }],
        route: route('gemini', ['gemini-3-pro-preview', 'gemini-3-pro-preview']),
      },
    },
    {
      routing: { retry: { transient: 0, overload: 0 } },
    },
  );
});
after(async () => {
  await bench?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const by = ({ headers }: Seen): unknown => headers['x-outpost-provider'];

interface ToolCall {
  readonly id: string;
}
const callsOf = (seen: Seen): readonly ToolCall[] => JSON.parse(seen.body.toString()).choices[0].message.tool_calls;

/** The messages of a conversation after its tool was called. */
const loop = (text: string, calls: readonly ToolCall[]): Record<string, unknown> => ({
  tools: [TOOL],
  messages: [
    { role: 'user', content: text },
    { role: 'assistant', content: null, tool_calls: calls },
    ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'rain' })),
  ],
});

describe('after a failover', () => {
  test('a conversation stays with the backup although the primary is back; others go to the primary', async () => {
    const [a] = bench.of('stays');
    a.script('status=500');
    const text = 'a long conversation';
    assert.equal(by(await bench.ask('stays', { text })), 'stays-2');
    assert.equal(by(await bench.ask('stays', { text: 'another one' })), 'stays-1');
    const later = [
      { role: 'user', content: text },
      { role: 'assistant', content: 'yes?' },
      { role: 'user', content: 'go on' },
    ];
    for (const stream of [true, false]) {
      assert.equal(by(await bench.ask('stays', { stream, more: { messages: later } })), 'stays-2');
    }
    assert.equal(by(await bench.ask('stays', { text: 'another one' })), 'stays-1');
    assert.deepEqual(bench.counts('stays'), [3, 3]);
  });

  test('it goes back when the backup fails', async () => {
    bench.of('stays')[1].script('status=500');
    assert.equal(by(await bench.ask('stays', { text: 'a long conversation' })), 'stays-1');
    assert.equal(by(await bench.ask('stays', { text: 'a long conversation' })), 'stays-1');
  });

  test('where it is off, each call finds its own way', async () => {
    bench.of('off')[0].script('status=500');
    assert.equal(by(await bench.ask('off')), 'off-2');
    assert.equal(by(await bench.ask('off')), 'off-1');
  });

  test('within a tool loop it stays even when its time is over; after that it goes back', async (t) => {
    const [a, b] = [await new SimulatedProvider().listen(), await new SimulatedProvider().listen()];
    const { agent, clock, ask } = await startOnClock({
      providers: [
        { name: 'a', type: 'openai', base_url: `${a.origin}/v1`, api_key: 'key-a' },
        { name: 'b', type: 'openai', base_url: `${b.origin}/v1`, api_key: 'key-b' },
      ],
      routes: [{ id: 'r', model: 'm', fallbacks: [{ provider: 'a' }, { provider: 'b' }] }],
      routing: { affinity: { ttl_ms: 60_000 } },
    });
    t.after(async () => {
      await agent.stop();
      await Promise.all([a.close(), b.close()]);
    });
    const say = (text: string, more: Record<string, unknown> = { tools: [TOOL] }) =>
      ask('a', { model: 'm', text, more });
    const words = 'use the weather tool';
    a.script('status=500', 'status=500');
    const first = await say(words);
    assert.deepEqual([by(first), by(await say('another one'))], ['b', 'b']);
    const calls = callsOf(first);
    assert.equal(calls.length, 1);
    clock.pass(55_000);
    assert.equal(by(await say('another one')), 'b', 'its time is not over');
    clock.pass(61_000);
    assert.equal(by(await say('another one')), 'a', 'its time is over');
    assert.equal(by(await say('', loop(words, calls))), 'b', 'its tool has just answered');
    clock.pass(61_000);
    assert.equal(by(await say(words)), 'a', 'its tool loop is over');
  });
});

describe('what a provider is to be told again', () => {
  const thinkingIn = (request: RecordedRequest | undefined): unknown[] => {
    assert.ok(request !== undefined);
    const { messages } = request.json() as { messages: { role: string; content: unknown }[] };
    return messages.flatMap(({ content }) =>
      Array.isArray(content) ? content.filter(({ type }: { type: string }) => type === 'thinking') : [],
    );
  };
  const told = [{ type: 'thinking', thinking: 'Simulated thought.', signature: SIGNATURE }];
  const text = 'call the weather tool';
  const effort = { reasoning_effort: 'high', tools: [TOOL] };

  /** Asks, and waits until what came is remembered: the thread for that starts after the answer, and no call waits for it for long. */
  async function begin(id: string, asked: Question): Promise<Seen> {
    const before = remembered(bench.agent);
    const seen = await bench.ask(id, asked);
    await until(() => remembered(bench.agent) > before, `what is remembered of ${id}`, 20_000);
    return seen;
  }

  for (const stream of [false, true]) {
    test(`Anthropic's signature comes back to it, and to nobody else (${stream ? 'stream' : 'whole'})`, async () => {
      const [openai, anthropic, other] = bench.of('anthropic');
      assert.ok(other !== undefined);
      const words = `${text} ${stream}`;
      openai.misbehave('status=429; retry-after=0');
      const first = await begin('anthropic', { text: words, stream, more: effort });
      assert.equal(by(first), 'anthropic-2', first.body.toString());
      assert.ok(!receivedFrom(first).includes(SIGNATURE));
      const id = /"id":\s*"((?:call|toolu)[^"]*)"/.exec(first.body.toString())?.[1];
      assert.ok(id !== undefined, first.body.toString());
      const calls = [{ id, type: 'function', function: { name: 'weather', arguments: '{"city":"x"}' } }];
      const again = { ...effort, ...loop(words, calls as readonly ToolCall[]) };
      const second = await bench.ask('anthropic', { stream, more: again });
      assert.equal(by(second), 'anthropic-2');
      assert.deepEqual(thinkingIn(anthropic.requests.at(-1)), told);
      // The same turn at others: their own bytes, without it.
      anthropic.misbehave('status=500');
      const third = await bench.ask('anthropic', { stream, more: again });
      anthropic.misbehave({});
      assert.equal(by(third), 'anthropic-3');
      assert.deepEqual(thinkingIn(other.requests.at(-1)), []);
      for (const server of [openai, other]) assert.ok(!receivedBy(server).includes(SIGNATURE));
      // Back at its own, it is there again.
      assert.equal(thinkingIn(anthropic.requests.at(-1)).length, 1);
    });
  }

  test('it is kept over a restart, sealed', async () => {
    const [openai, anthropic] = bench.of('restart');
    openai.misbehave('status=429; retry-after=0');
    const first = await begin('restart', { text, more: effort });
    assert.equal(by(first), 'restart-2');
    await bench.restart();
    // The first look-up starts the thread, and may not find anything in time.
    const end = performance.now() + 20_000;
    do {
      const second = await bench.ask('restart', { more: { ...effort, ...loop(text, callsOf(first)) } });
      assert.equal(by(second), 'restart-2');
    } while (thinkingIn(anthropic.requests.at(-1)).length === 0 && performance.now() < end);
    assert.deepEqual(thinkingIn(anthropic.requests.at(-1)), told);
    const disk = onDisk(bench.agent.dataDir);
    assert.match(disk, /state\.db/);
    for (const secret of [SIGNATURE, 'Simulated thought', text]) assert.ok(!disk.includes(secret), secret);
  });

  test('Gemini’s signature of a tool call comes back to it byte for byte', async () => {
    const [openai] = bench.of('gemini');
    openai.misbehave('status=429; retry-after=0');
    const first = await begin('gemini', { text, more: effort });
    assert.equal(by(first), 'gemini-2', first.body.toString());
    const second = await bench.ask('gemini', { more: { ...effort, ...loop(text, callsOf(first)) } });
    assert.equal(by(second), 'gemini-2', second.body.toString());
    assert.equal(JSON.parse(second.body.toString()).choices[0].message.content, 'It rains.');
    const { contents } = JSON.parse(toGemini.at(-1) ?? '') as { contents: { parts: Record<string, unknown>[] }[] };
    const signed = contents.flatMap(({ parts }) => parts).filter((part) => part['functionCall'] !== undefined);
    assert.deepEqual(
      signed.map((part) => part['thoughtSignature']),
      [THOUGHT],
    );
    for (const seen of [first, second]) assert.ok(!receivedFrom(seen).includes(THOUGHT.slice(0, 12)));
    assert.ok(!receivedBy(openai).includes(THOUGHT.slice(0, 12)));
    assert.deepEqual(toOtherGemini, []);
  });
});
