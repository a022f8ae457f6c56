// SPDX-License-Identifier: Apache-2.0
// What translation costs in CPU, in this process and side by side: a streamed delta against a tap that only parses it, and a request of
// 48 KB against JSON.parse and JSON.stringify.

import { performance } from 'node:perf_hooks';
import type { RequestFacts } from '../../../src/proxy/dialects/dialect.ts';
import { SseParser } from '../../../src/proxy/dialects/framing/sse.ts';
import { dialectOf } from '../../../src/proxy/dialects/index.ts';
import { parseValue } from '../../../src/proxy/dialects/json/values.ts';
import { codecOf, translateAnswer } from '../../../src/proxy/dialects/translation.ts';
import { NO_FACTS } from '../../fakes/hub-request.ts';
import { median } from '../client.ts';
import { type Bench, type Finding, ratio } from './types.ts';

const PAIRS = [
  ['anthropic-messages', 'openai-chat'],
  ['openai-chat', 'anthropic-messages'],
  ['gemini', 'openai-chat'],
  ['openai-responses', 'anthropic-messages'],
] as const;

type Id = (typeof PAIRS)[number][number];

const EVENTS = 400;
const FACTS: RequestFacts = {
  understood: true,
  model: 'bench',
  otherModel: undefined,
  stream: true,
  messageCount: 1,
  toolNames: [],
  modelSpan: undefined,
  textSpans: () => [],
};

function codec(id: Id) {
  const found = codecOf(id);
  if (found === undefined) throw new Error(`no codec for ${id}`);
  return found;
}

const RECOGNISED = { operation: 'generate', pathModel: undefined, pathStream: undefined } as const;

function requestBody(id: Id): string {
  const text = 'A sentence of the usual length, with “quotes” and a few odd letters: äöü. ';
  const turns = Array.from({ length: 20 }, (_, n) => ({
    role: n % 2 === 0 ? 'user' : 'assistant',
    content: text.repeat(28),
  }));
  const chat = {
    model: 'bench',
    messages: [...turns, { role: 'user', content: 'And now?' }],
    tools: Array.from({ length: 8 }, (_, n) => ({
      type: 'function',
      function: {
        name: `tool_${n}`,
        description: text.repeat(3),
        parameters: { type: 'object', properties: { path: { type: 'string' }, line: { type: 'integer' } } },
      },
    })),
  };
  const decoded = codec('openai-chat').decodeRequest({ ...RECOGNISED, dialect: 'openai-chat' }, chat);
  if (decoded.request === undefined) throw new Error('the bench’s own request was not understood');
  return JSON.stringify(codec(id).encodeRequest(decoded.request, TARGET).body);
}

const TARGET = {
  model: 'bench',
  facts: NO_FACTS,
  quirks: {},
  defaultMaxTokens: 8_192,
  mayUseOpaque: false,
} as const;

/** A stream of the dialect, one Buffer an event. */
function stream(
  id: Id,
  request: NonNullable<ReturnType<ReturnType<typeof codec>['decodeRequest']>['request']>,
): Buffer[] {
  const encoder = codec(id).createEncoder({ framing: 'sse', model: 'bench', id: 'x', createdAt: 0, request });
  const out = [encoder.push({ kind: 'start', id: 'x', model: 'bench' })];
  for (let n = 0; n < EVENTS; n += 1) out.push(encoder.push({ kind: 'text', text: `word ${n} ` }));
  out.push(encoder.push({ kind: 'stop', stop: 'stop' }), encoder.end());
  return out.filter(({ length }) => length > 0);
}

/** Microseconds of CPU for one run of each, the two alternating; the median of many rounds. */
function side(rounds: number, ...runs: readonly (() => void)[]): number[] {
  const times = runs.map((): number[] => []);
  for (let round = -Math.ceil(rounds / 4); round < rounds; round += 1) {
    for (const [at, run] of runs.entries()) {
      const from = performance.now();
      run();
      if (round >= 0) times[at]?.push((performance.now() - from) * 1_000);
    }
  }
  return times.map(median);
}

export async function translationCase(bench: Bench): Promise<readonly Finding[]> {
  const rounds = bench.quick ? 60 : 400;
  let worstDelta = 0;
  let worstRequest = 0;
  for (const [from, to] of PAIRS) {
    const text = requestBody(to);
    const decoded = codec(to).decodeRequest({ ...RECOGNISED, dialect: to }, parseValue(text));
    const { request } = decoded;
    if (request === undefined) throw new Error(`${to}: the bench’s own request was not understood`);
    const chunks = stream(from, { ...request, stream: true });
    const head = { status: 200, contentType: 'text/event-stream' };
    const recognised = { ...RECOGNISED, dialect: from };
    const [tap = 0, translated = 0] = side(
      rounds,
      () => {
        const parser = new SseParser({
          event: (data) => void parseValue(data),
          skipped: () => undefined,
          garbled: () => undefined,
        });
        for (const chunk of chunks) parser.push(chunk);
        parser.end();
      },
      () => {
        const encoder = codec(to).createEncoder({ framing: 'sse', model: 'bench', id: 'x', createdAt: 0, request });
        const translation = translateAnswer({
          from: codec(from),
          to: codec(to),
          encoder,
          toolNames: new Map(),
          fresh: () => 'x',
        });
        const reader = dialectOf(from).readAnswer(recognised, FACTS, { ...head, watch: translation.watch });
        for (const chunk of chunks) {
          reader.push(chunk);
          translation.take();
        }
        reader.end();
        translation.end();
        translation.take();
      },
    );
    const [parse = 0, whole = 0] = side(
      rounds,
      () => void JSON.stringify(JSON.parse(text)),
      () => {
        const { request: read } = codec(to).decodeRequest({ ...RECOGNISED, dialect: to }, parseValue(text));
        if (read !== undefined) JSON.stringify(codec(from).encodeRequest(read, TARGET).body);
      },
    );
    bench.print(
      `  ${`${to} asked of ${from}`.padEnd(44)} delta ${(translated / EVENTS).toFixed(2)} us, tap ${(tap / EVENTS).toFixed(2)} us (${ratio(translated / tap)}); request of ${Math.round(Buffer.byteLength(text) / 1024)} KB ${whole.toFixed(0)} us, parse and write ${parse.toFixed(0)} us (${ratio(whole / parse)})`,
    );
    worstDelta = Math.max(worstDelta, translated / tap);
    worstRequest = Math.max(worstRequest, whole / parse);
  }
  return [
    {
      name: 'translated delta against a parse-only tap, worst pair',
      value: ratio(worstDelta),
      bar: '<= 5 x',
      holds: worstDelta <= 5,
    },
    {
      name: '48 KB request translated, against JSON.parse + stringify, worst pair',
      value: ratio(worstRequest),
      bar: '<= 2 x',
      holds: worstRequest <= 2,
    },
  ];
}
