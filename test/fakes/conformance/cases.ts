// SPDX-License-Identifier: Apache-2.0
// Requests and answers that every codec must carry, or name what it cannot. Hand-written.

import type { StopClass, Usage } from '../../../src/proxy/dialects/dialect.ts';
import type { HubEvent, HubRequest, Message, Part, Tool } from '../../../src/proxy/dialects/hub/hub.ts';
import type { LossCode } from '../../../src/proxy/dialects/hub/loss.ts';
import { QUESTION } from '../hub-target.ts';

export interface RequestCase {
  readonly name: string;
  readonly request: HubRequest;
  /** Essential losses with which a dialect may turn it down. */
  readonly mayRefuse?: readonly LossCode[];
}

export interface AnswerCase {
  readonly name: string;
  readonly events: readonly HubEvent[];
}

export const PLAIN: HubRequest = { ...QUESTION, stream: true };

/** Beyond the basic plane, combining marks, quotes, JSON in text, and what ends lines in some framings. */
const ODD_TEXT = 'Grüße 🌍 e\u0301 "quoted" \\ {"a":[1]} \u2028 tab\t data: x\r\n\n[DONE] 中文';
const LONG_TEXT = `${'Zwölf Boxkämpfer 🥊 jagen Viktor. '.repeat(700)}END`;
/** Only their first bytes are real: some dialects tell types by them. */
const PIXELS = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64');
const PAGES = Buffer.from('%PDF-1.7 pages').toString('base64');

const text = (words: string): Part => ({ kind: 'text', text: words });
const says = (role: Message['role'], ...parts: readonly Part[]): Message => ({ role, parts });
const call = (id: string, name: string, args: string): Part => ({ kind: 'tool-call', id, name, args });
const image: Part = { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PIXELS } };
const result = (id: string, name: string, words: string, isError = false): Part => ({
  kind: 'tool-result',
  id,
  name,
  parts: [{ kind: 'text', text: words }],
  isError,
});

/** Key order matters to prompt caches. */
const SCHEMA = {
  type: 'object',
  properties: { zeta: { type: 'string', description: 'last first' }, alpha: { type: 'integer' } },
  required: ['zeta', 'alpha'],
  additionalProperties: false,
};
const WEATHER: Tool = { name: 'get_weather', description: 'Says it.', parameters: SCHEMA, strict: undefined };
const CLOCK: Tool = { name: 'clock', description: undefined, parameters: undefined, strict: undefined };

const one = (name: string, request: Partial<HubRequest>, mayRefuse?: readonly LossCode[]): RequestCase => ({
  name,
  request: { ...PLAIN, ...request },
  ...(mayRefuse === undefined ? {} : { mayRefuse }),
});
const talk = (...messages: readonly Message[]) => ({ messages });
const asks = (...parts: readonly Part[]) => talk(says('user', ...parts));
const looped = (results: readonly Part[], tools: readonly Tool[] = [WEATHER, CLOCK]) => ({
  tools,
  ...talk(
    says('user', text('go')),
    says(
      'assistant',
      text('Let me look.'),
      call('toolu_A1', 'get_weather', '{"zeta":"Ulm","alpha":2}'),
      call('toolu_B2', 'clock', ''),
    ),
    says('user', ...results),
  ),
});

export const REQUESTS: readonly RequestCase[] = [
  one('a question', {}),
  one('a question, not streamed', { stream: false }),
  one('odd text', asks(text(ODD_TEXT))),
  one('a long text', asks(text(LONG_TEXT))),
  one('a conversation', talk(says('user', text('one')), says('assistant', text('two')), says('user', text('three')))),
  one(
    'a system prompt in two parts',
    talk(says('system', text('Be brief.'), text('Be kind.')), says('user', text('hi'))),
  ),
  one(
    'a system message in the middle',
    talk(
      says('user', text('one')),
      says('assistant', text('two')),
      says('system', text('Now in French.')),
      says('user', text('three')),
    ),
  ),
  one('a system prompt alone', talk(says('system', text('Tell a joke.')))),
  one('two user messages in a row', talk(says('user', text('one')), says('user', text('two')))),
  one('sampling', { temperature: 0.5, topP: 0.9, topK: 7, seed: 11, presencePenalty: 0.5, frequencyPenalty: 0.25 }),
  one('limits', { maxOutputTokens: 321, stop: ['END', '\n\n'] }),
  one('tools', { tools: [WEATHER, CLOCK] }),
  one('a strict tool', { tools: [{ ...WEATHER, strict: true }] }),
  one('a tool with an odd name', { tools: [{ ...WEATHER, name: 'mcp.files/read file' }] }),
  one('tool choice none', { tools: [WEATHER], toolChoice: { kind: 'none' } }, ['tool-choice']),
  one('tool choice required', { tools: [WEATHER], toolChoice: { kind: 'required' } }, ['tool-choice']),
  one('tool choice by name', { tools: [WEATHER, CLOCK], toolChoice: { kind: 'tool', name: 'clock' } }, ['tool-choice']),
  one('one tool at a time', { tools: [WEATHER], parallelTools: false }),
  one(
    'a tool loop with parallel calls',
    looped([result('toolu_A1', 'get_weather', 'sun'), result('toolu_B2', 'clock', '12:00')]),
  ),
  one(
    'a tool result that failed',
    looped([result('toolu_A1', 'get_weather', 'no such city', true), result('toolu_B2', 'clock', ODD_TEXT)]),
  ),
  one(
    'a tool result with JSON text',
    looped([result('toolu_A1', 'get_weather', '{"b": 1, "a": [true]}'), result('toolu_B2', 'clock', '[1]')]),
  ),
  one(
    'a tool result with an image',
    looped([
      {
        kind: 'tool-result',
        id: 'toolu_A1',
        name: 'get_weather',
        parts: [{ kind: 'text', text: 'see' }, image],
        isError: false,
      },
      result('toolu_B2', 'clock', 'x'),
    ]),
    ['no-images', 'media-type'],
  ),
  one(
    'an empty tool result',
    looped([
      { kind: 'tool-result', id: 'toolu_A1', name: undefined, parts: [], isError: false },
      result('toolu_B2', 'clock', 'x'),
    ]),
  ),
  one('a result without its call', talk(says('user', text('go')), says('user', result('lost', 'get_weather', 'sun'))), [
    'tool-pairing',
  ]),
  one(
    'arguments that are no JSON',
    {
      tools: [WEATHER],
      ...talk(
        says('user', text('go')),
        says('assistant', call('a1', 'get_weather', '{"zeta":')),
        says('user', result('a1', 'get_weather', 'x')),
      ),
    },
    ['not-understood'],
  ),
  one('an image', asks(text('look'), image)),
  one(
    'an image address',
    asks(text('look'), {
      kind: 'image',
      source: { kind: 'url', url: 'https://a.example/x.png', mediaType: undefined },
    }),
    ['image-url'],
  ),
  one(
    'a document',
    asks(text('read'), {
      kind: 'document',
      source: { kind: 'base64', mediaType: 'application/pdf', data: PAGES },
      name: 'report.pdf',
    }),
    ['no-documents', 'media-type'],
  ),
  one('a document of text', asks(text('read'), { kind: 'document', source: { kind: 'text', text: 'plain words' } }), [
    'no-documents',
    'media-type',
  ]),
  one(
    'a document address',
    asks(text('read'), {
      kind: 'document',
      source: { kind: 'url', url: 'https://a.example/x.pdf', mediaType: 'application/pdf' },
    }),
    ['document-url', 'no-documents'],
  ),
  one('a JSON object', { output: { kind: 'json-object' } }, ['no-json-schema']),
  one('a JSON schema', { output: { kind: 'json-schema', name: 'answer', schema: SCHEMA, strict: true } }, [
    'no-json-schema',
  ]),
  one('reasoning by effort', { reasoning: { effort: 'high', budgetTokens: undefined, visible: true } }),
  one('reasoning by budget', { reasoning: { effort: undefined, budgetTokens: 5_000, visible: undefined } }),
  one('no reasoning', { reasoning: { effort: 'none', budgetTokens: undefined, visible: undefined } }),
  one(
    'reasoning and a refusal in the history',
    talk(
      says('user', text('one')),
      says('assistant', { kind: 'reasoning', text: 'hm, let me see' }, text('two')),
      says('user', text('three')),
      says('assistant', { kind: 'refusal', text: 'I will not.' }),
      says('user', text('four')),
    ),
  ),
  one('caches, users, names, verbosity', {
    messages: [
      { role: 'system', parts: [{ kind: 'text', text: 'sys', cache: { ttl: '1h' } }] },
      { role: 'user', parts: [{ kind: 'text', text: 'hi', cache: { ttl: undefined } }], name: 'Ann' },
    ],
    tools: [{ ...CLOCK, cache: { ttl: undefined } }],
    cacheKey: 'key-1',
    user: 'user-1',
    verbosity: 'low',
  }),
];

const START: HubEvent = { kind: 'start', id: 'answer_1', model: 'model-1' };
const USAGE: Usage = { input: 120, output: 45, cacheRead: 100, cacheWrite: undefined, reasoning: undefined };
const usage = (counts: Partial<Usage> = {}): HubEvent => ({ kind: 'usage', usage: { ...USAGE, ...counts } });
const stop = (stopClass: StopClass = 'stop'): HubEvent => ({ kind: 'stop', stop: stopClass });
const say = (words: string): HubEvent => ({ kind: 'text', text: words });
const think = (words: string): HubEvent => ({ kind: 'reasoning', text: words });
const toolStart = (id: string, name: string): HubEvent => ({ kind: 'tool-start', id, name });
const toolArgs = (id: string, words: string): HubEvent => ({ kind: 'tool-args', id, text: words });
const toolEnd = (id: string): HubEvent => ({ kind: 'tool-end', id });
const answer = (name: string, ...events: readonly HubEvent[]): AnswerCase => ({ name, events: [START, ...events] });
/** Pieces of some characters each. Providers do not cut a character in two: JSON could not carry that. */
const pieces = (words: string, size: number): HubEvent[] => {
  const characters = [...words];
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, at) =>
    say(characters.slice(at * size, (at + 1) * size).join('')),
  );
};

const STOPS: readonly StopClass[] = ['stop', 'length', 'content-filter', 'refusal', 'pause', 'error', 'other'];

export const ANSWERS: readonly AnswerCase[] = [
  answer('a text', say('Hel'), say('lo'), stop(), usage()),
  answer('odd text', ...[...ODD_TEXT].map(say), stop(), usage()),
  answer('a long text', ...pieces(LONG_TEXT, 97), stop(), usage()),
  answer('an empty answer', stop(), usage({ output: 0 })),
  answer('usage before the stop', say('x'), usage(), stop()),
  answer('no usage', say('x'), stop()),
  answer('all kinds of usage', say('x'), stop(), usage({ cacheWrite: 7, reasoning: 20 })),
  answer('two texts', say('one'), { kind: 'part-end' }, say('two'), stop(), usage()),
  answer('reasoning, then text', think('hm '), think('🧠'), say('so'), stop(), usage({ reasoning: 12 })),
  answer(
    'hidden reasoning of another provider',
    { kind: 'reasoning-opaque', opaque: { dialect: 'openai-completions', form: 'encrypted', data: 'QUJD' } },
    say('so'),
    stop(),
    usage(),
  ),
  answer(
    'a refusal',
    { kind: 'refusal', text: 'I will ' },
    { kind: 'refusal', text: 'not.' },
    stop('refusal'),
    usage(),
  ),
  answer(
    'a tool call in pieces',
    toolStart('call_x1', 'get_weather'),
    ...['{"ze', 'ta":"U', 'l\\u006d 🌧","alpha', '":2}'].map((piece) => toolArgs('call_x1', piece)),
    toolEnd('call_x1'),
    stop('tool-use'),
    usage(),
  ),
  answer('a tool call without arguments', toolStart('call_x1', 'clock'), toolEnd('call_x1'), stop('tool-use'), usage()),
  answer(
    'text, then parallel calls',
    say('Let me look.'),
    toolStart('call_x1', 'get_weather'),
    toolArgs('call_x1', '{"zeta":"Ulm","alpha":2}'),
    toolEnd('call_x1'),
    toolStart('call_x2', 'clock'),
    toolArgs('call_x2', '{}'),
    toolEnd('call_x2'),
    stop('tool-use'),
    usage(),
  ),
  answer(
    'interleaved calls',
    think('both'),
    say('Both:'),
    toolStart('call_x1', 'get_weather'),
    toolStart('call_x2', 'clock'),
    toolStart('call_x3', 'get_weather'),
    toolArgs('call_x2', '{"z'),
    toolArgs('call_x1', '{"zeta":"a",'),
    toolArgs('call_x3', '{}'),
    toolEnd('call_x3'),
    toolArgs('call_x2', '":[1,{"b":null}]}'),
    toolEnd('call_x2'),
    toolArgs('call_x1', '"alpha":1}'),
    toolEnd('call_x1'),
    stop('tool-use'),
    usage(),
  ),
  ...STOPS.map((one) => answer(`stop class ${one}`, say('x'), stop(one), usage())),
  answer('a stop sequence', say('x'), { kind: 'stop', stop: 'stop', sequence: 'END' }, usage()),
];
