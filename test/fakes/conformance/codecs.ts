// SPDX-License-Identifier: Apache-2.0
// All codecs, ways to drive them over bytes as the product does, and canonical forms in which two requests or answers can
// be compared.

import { anthropicCodec } from '../../../src/proxy/dialects/anthropic/codec/codec.ts';
import { bedrockConverseCodec } from '../../../src/proxy/dialects/bedrock/codec/codec.ts';
import { bedrockInvokeCodec } from '../../../src/proxy/dialects/bedrock/codec/invoke.ts';
import { cohereCodec } from '../../../src/proxy/dialects/cohere/codec/codec.ts';
import type { DialectId, Recognised, StopClass, Usage } from '../../../src/proxy/dialects/dialect.ts';
import { geminiCodec } from '../../../src/proxy/dialects/gemini/codec/codec.ts';
import type { Codec, EncoderOptions, EncodeTarget } from '../../../src/proxy/dialects/hub/codec.ts';
import type { HubEvent, HubRequest } from '../../../src/proxy/dialects/hub/hub.ts';
import { dialectOf } from '../../../src/proxy/dialects/index.ts';
import { parseValue } from '../../../src/proxy/dialects/json/values.ts';
import { ollamaCodec } from '../../../src/proxy/dialects/ollama/codec/codec.ts';
import { openaiChatCodec } from '../../../src/proxy/dialects/openai/codec/codec.ts';
import { responsesCodec } from '../../../src/proxy/dialects/openai-responses/codec/codec.ts';
import { NO_FACTS } from '../hub-request.ts';
import { PLAIN } from './cases.ts';

export type StreamFraming = EncoderOptions['framing'];

export interface Subject {
  readonly codec: Codec;
  readonly model: string;
  /** Framings of its streams; undefined is the whole document. */
  readonly framings: readonly StreamFraming[];
  /** Parts of an answer keep their order on the wire. */
  readonly ordered: boolean;
  /** Its models think when nobody says anything about it, so that "off" must be said. */
  readonly thinksUnasked: boolean;
  /** Counts that its usage has a place for, beside input and output. */
  readonly counts: readonly ('cacheRead' | 'cacheWrite' | 'reasoning')[];
  /** What may become of stop classes that it has no word for. 'failed': the answer is an error of the dialect. */
  readonly stops: Readonly<Partial<Record<StopClass, readonly (StopClass | 'failed')[]>>>;
}

/** What Anthropic's words are, at home and at Bedrock. */
const CLAUDE = {
  model: 'claude-sonnet-4-5',
  ordered: true,
  thinksUnasked: false,
  counts: ['cacheRead', 'cacheWrite', 'reasoning'],
  stops: { 'content-filter': ['refusal'], error: ['length'], other: ['stop'] },
} as const;

export const SUBJECTS: readonly Subject[] = [
  {
    codec: openaiChatCodec,
    model: 'gpt-5',
    framings: [undefined, 'sse'],
    ordered: false,
    thinksUnasked: true,
    counts: ['cacheRead', 'cacheWrite', 'reasoning'],
    stops: { refusal: ['refusal', 'content-filter'], pause: ['length'], error: ['length'], other: ['stop'] },
  },
  {
    codec: responsesCodec,
    model: 'gpt-5',
    framings: [undefined, 'sse'],
    ordered: true,
    thinksUnasked: true,
    counts: ['cacheRead', 'cacheWrite', 'reasoning'],
    stops: { refusal: ['refusal', 'stop'], pause: ['stop'], error: ['failed'], other: ['stop'] },
  },
  { codec: anthropicCodec, framings: [undefined, 'sse'], ...CLAUDE },
  { codec: bedrockInvokeCodec, framings: [undefined, 'aws-event-stream'], ...CLAUDE },
  {
    codec: bedrockConverseCodec,
    model: 'anthropic.claude-sonnet-4-5',
    framings: [undefined, 'aws-event-stream'],
    ordered: true,
    thinksUnasked: false,
    counts: ['cacheRead', 'cacheWrite'],
    stops: { refusal: ['content-filter'], pause: ['stop'], other: ['stop'] },
  },
  {
    codec: geminiCodec,
    model: 'gemini-3-flash',
    framings: [undefined, 'sse', 'json-array'],
    ordered: true,
    thinksUnasked: true,
    counts: ['cacheRead', 'reasoning'],
    stops: { refusal: ['content-filter'], pause: ['other'], error: ['other'] },
  },
  {
    codec: cohereCodec,
    model: 'command-a-03-2025',
    framings: [undefined, 'sse'],
    ordered: false,
    thinksUnasked: true,
    counts: ['cacheRead'],
    stops: { refusal: ['stop'], pause: ['stop'], error: ['failed'], other: ['stop'] },
  },
  {
    codec: ollamaCodec,
    model: 'qwen3',
    framings: [undefined, 'ndjson'],
    ordered: false,
    thinksUnasked: true,
    counts: ['cacheRead'],
    stops: { refusal: ['stop'], 'content-filter': ['stop'], pause: ['length'], error: ['length'], other: ['stop'] },
  },
];

export function targetOf({ model }: Subject): EncodeTarget {
  return { model, facts: NO_FACTS, quirks: {}, defaultMaxTokens: 8_192, mayUseOpaque: false };
}

/** The model and the kind of answer stand in the path of these. */
const PATH_MODEL: ReadonlySet<DialectId> = new Set(['gemini', 'bedrock-converse', 'bedrock-invoke']);

export function recognisedOf({ codec, model }: Subject, stream: boolean): Recognised {
  const inPath = PATH_MODEL.has(codec.dialect);
  return {
    dialect: codec.dialect,
    operation: 'generate',
    pathModel: inPath ? model : undefined,
    pathStream: inPath ? stream : undefined,
  };
}

/** The answer as the caller's bytes. */
export function encodeAnswer(
  { codec }: Subject,
  events: readonly HubEvent[],
  framing: StreamFraming,
): { readonly contentType: string; readonly bytes: Buffer } {
  const request: HubRequest = { ...PLAIN, reasoning: { effort: 'low', budgetTokens: undefined, visible: true } };
  const options = { framing, model: 'asked-model', id: 'id_0123456789', createdAt: 1_700_000_000, request };
  const encoder = codec.createEncoder(options);
  const chunks = events.map((event) => encoder.push(event));
  return { contentType: encoder.contentType, bytes: Buffer.concat([...chunks, encoder.end()]) };
}

export interface Read {
  readonly events: readonly HubEvent[];
  /** The dialect's own reader saw its terminal event, understood everything, and counted the same. */
  readonly phase: string;
  readonly understood: boolean;
}

/** The bytes in slices through the dialect's reader, whose parsed pieces feed the decoder. */
export function decodeAnswer(
  subject: Subject,
  contentType: string,
  slices: Iterable<Uint8Array>,
  framing: StreamFraming,
  seen: (value: unknown, name: string) => void = () => {},
): Read {
  const { codec } = subject;
  const dialect = dialectOf(codec.dialect);
  const stream = framing !== undefined;
  const body = codec.encodeRequest({ ...PLAIN, stream }, targetOf(subject)).body;
  const facts = dialect.readRequest(recognisedOf(subject, stream), Buffer.from(JSON.stringify(body)));
  const decoder = codec.createDecoder();
  const events: HubEvent[] = [];
  const reader = dialect.readAnswer(recognisedOf(subject, stream), facts, {
    status: 200,
    contentType: contentType.split(';', 1)[0] ?? '',
    watch: {
      event: (value, name) => {
        seen(value, name);
        events.push(...decoder.event(value, name));
      },
      document: (value) => events.push(...decoder.document(value)),
    },
  });
  for (const slice of slices) reader.push(slice);
  reader.end();
  events.push(...decoder.end());
  return { events, phase: reader.phase, understood: reader.facts().understood };
}

export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly args: unknown }[];
  readonly stop: StopClass | 'failed' | undefined;
  readonly usage: Partial<Usage>;
  /** Kinds of the parts in their order, neighbours of one kind as one. */
  readonly order: readonly string[];
}

/** Refusals count as text: few dialects keep them apart. A count of zero is none: several write it for what they do not know. */
export function canonicalAnswer(events: readonly HubEvent[]): Answer {
  const calls = new Map<string, { name: string; args: string }>();
  const order: string[] = [];
  let [text, reasoning] = ['', ''];
  let stop: Answer['stop'];
  let usage: Usage | undefined;
  const part = (kind: string) => {
    if (order.at(-1) !== kind) order.push(kind);
  };
  for (const event of events) {
    switch (event.kind) {
      case 'text':
      case 'refusal':
        if (event.text !== '') part('text');
        text += event.text;
        break;
      case 'reasoning':
        if (event.text !== '') part('reasoning');
        reasoning += event.text;
        break;
      case 'tool-start':
        part('tool');
        calls.set(event.id, { name: event.name, args: '' });
        break;
      case 'tool-args': {
        const open = calls.get(event.id);
        if (open !== undefined) open.args += event.text;
        break;
      }
      case 'stop':
        stop ??= event.stop;
        break;
      case 'usage':
        usage = event.usage;
        break;
      case 'error':
        stop = 'failed';
        break;
    }
  }
  return {
    text,
    reasoning,
    calls: [...calls.values()].map(({ name, args }) => ({ name, args: args === '' ? {} : parseValue(args) })),
    stop,
    usage: Object.fromEntries(Object.entries(usage ?? {}).filter(([, count]) => (count ?? 0) > 0)),
    order,
  };
}

/** What hub.ts promises of every sequence of events; the first breach, or undefined. */
export function breach(events: readonly HubEvent[]): string | undefined {
  const open = new Set<string>();
  const seen = new Set<string>();
  const once = new Map<string, number>();
  for (const [at, event] of events.entries()) {
    if (event.kind === 'error' || event.kind === 'loss') continue;
    const first = events.slice(0, at).every(({ kind }) => kind === 'loss');
    if ((event.kind === 'start') !== first) return `start is not first, at ${at}`;
    if (event.kind === 'stop' || event.kind === 'usage') once.set(event.kind, (once.get(event.kind) ?? 0) + 1);
    if (event.kind === 'tool-start') {
      if (event.id === '' || seen.has(event.id)) return `id of a call is empty or twice, at ${at}`;
      seen.add(event.id);
      open.add(event.id);
    }
    if (event.kind === 'tool-args' && !open.has(event.id)) return `arguments outside their call, at ${at}`;
    if (event.kind === 'tool-end' && !open.delete(event.id)) return `end of no call, at ${at}`;
    if (event.kind === 'stop' && open.size > 0) return `stop within a call, at ${at}`;
  }
  const twice = [...once].find(([, count]) => count > 1);
  if (twice !== undefined) return `${twice[0]} comes ${twice[1]} times`;
  return open.size > 0 ? 'a call is left open' : undefined;
}
