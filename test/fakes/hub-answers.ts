// SPDX-License-Identifier: Apache-2.0
// Answers as sequences of hub events, written out or made up from a seed, and their wire bytes cut anywhere. For tests of codecs.

import type { StopClass } from '../../src/proxy/dialects/dialect.ts';
import { SseParser } from '../../src/proxy/dialects/framing/sse.ts';
import type { AnswerDecoder, AnswerEncoder } from '../../src/proxy/dialects/hub/codec.ts';
import type { HubEvent } from '../../src/proxy/dialects/hub/hub.ts';
import { parseValue } from '../../src/proxy/dialects/json/values.ts';

export const START: HubEvent = { kind: 'start', id: undefined, model: undefined };
export const USAGE: HubEvent = {
  kind: 'usage',
  usage: { input: 12, output: 9, cacheRead: 8, cacheWrite: undefined, reasoning: 4 },
};

/** Reasoning and text, in pieces. */
export function spoken(stop: StopClass): readonly HubEvent[] {
  return [
    START,
    { kind: 'reasoning', text: 'think' },
    { kind: 'reasoning', text: 'ing' },
    { kind: 'text', text: 'Grüße, ' },
    { kind: 'text', text: '🌍!' },
    { kind: 'stop', stop },
    USAGE,
  ];
}

/** Text, then two calls whose pieces come mixed. */
export const MIXED_CALLS: readonly HubEvent[] = [
  START,
  { kind: 'text', text: 'two calls' },
  { kind: 'tool-start', id: 'c1', name: 'first' },
  { kind: 'tool-start', id: 'c2', name: 'second' },
  { kind: 'tool-args', id: 'c2', text: '{"b":' },
  { kind: 'tool-args', id: 'c1', text: '{"a":1}' },
  { kind: 'tool-args', id: 'c2', text: '[2]}' },
  { kind: 'tool-end', id: 'c1' },
  { kind: 'tool-end', id: 'c2' },
  { kind: 'stop', stop: 'tool-use' },
  USAGE,
];

const WORDS = ['a', 'Grüße ', '🌍', '\n\n', '"quoted" \\ ', '\u2028', 'data: x\n', ' ', '{"k":1}'] as const;

export interface AnswerShape {
  readonly refusals: boolean;
  /** May calls overlap each other? */
  readonly overlaps: boolean;
}

/** Parts in any order; the stop fits what was said. */
export function anyAnswer(random: (below: number) => number, shape: AnswerShape): readonly HubEvent[] {
  const events: HubEvent[] = [{ kind: 'start', id: undefined, model: undefined }];
  const open: string[] = [];
  let calls = 0;
  let refused = false;
  const word = () => WORDS[random(WORDS.length)] ?? '';
  const close = (at: number) => {
    for (const id of open.splice(at, 1)) events.push({ kind: 'tool-end', id });
  };
  for (let parts = random(7); parts > 0; parts--) {
    const what = random(shape.refusals ? 5 : 4);
    if (!shape.overlaps) while (open.length > 0) close(0);
    if (what === 0 || (what === 4 && refused))
      for (let n = 1 + random(4); n > 0; n--) events.push({ kind: 'text', text: word() });
    else if (what === 1) for (let n = 1 + random(3); n > 0; n--) events.push({ kind: 'reasoning', text: word() });
    else if (what === 2) {
      const id = `id_${calls++}`;
      open.push(id);
      events.push({ kind: 'tool-start', id, name: `tool_${random(3)}` });
      events.push({ kind: 'tool-args', id, text: '{"n":' }, { kind: 'tool-args', id, text: `${random(99)}}` });
    } else if (what === 3) events.push({ kind: 'part-end' });
    else {
      refused = true;
      events.push({ kind: 'refusal', text: word() });
    }
    for (const id of open) if (random(2) === 0) events.push({ kind: 'tool-args', id, text: word() });
    if (open.length > 0 && random(2) === 0) close(random(open.length));
  }
  while (open.length > 0) close(0);
  const plain = calls > 0 ? 'tool-use' : refused && shape.refusals ? 'refusal' : 'stop';
  const cached = random(5);
  const usage = {
    input: cached + random(50),
    output: random(50),
    cacheRead: cached,
    cacheWrite: undefined,
    reasoning: undefined,
  };
  events.push({ kind: 'usage', usage });
  events.push({ kind: 'stop', stop: (['length', 'content-filter'] as const)[random(6)] ?? plain });
  return events;
}

/** The same answer in one form: neighbouring pieces joined, ends of parts only where they part two of a kind. */
export function joined(events: readonly HubEvent[]): readonly HubEvent[] {
  const out: HubEvent[] = [];
  let ended = false;
  for (const event of events) {
    if (event.kind === 'part-end') {
      ended = true;
      continue;
    }
    const last = out.at(-1);
    const isText = event.kind === 'text' || event.kind === 'reasoning' || event.kind === 'refusal';
    if (isText && last?.kind === event.kind) {
      if (ended) out.push({ kind: 'part-end' }, event);
      else out[out.length - 1] = { kind: event.kind, text: last.text + event.text };
    } else if (event.kind === 'tool-args' && last?.kind === 'tool-args' && last.id === event.id) {
      out[out.length - 1] = { ...event, text: last.text + event.text };
    } else out.push(event);
    ended = false;
  }
  return out;
}

export function encodeAll(encoder: AnswerEncoder, events: readonly HubEvent[]): Buffer {
  return Buffer.concat([...events.map((event) => encoder.push(event)), encoder.end()]);
}

/** `cut`: size of the next piece; bytes are decoded as they would be from a socket. */
export function decodeSse(decoder: AnswerDecoder, bytes: Buffer, cut: () => number): readonly HubEvent[] {
  const events: HubEvent[] = [];
  const parser = new SseParser({
    event: (data, name) => events.push(...decoder.event(parseValue(data), name)),
    skipped: () => events.push({ kind: 'error', class: 'unknown', code: 'skipped' }),
    garbled: () => events.push({ kind: 'error', class: 'unknown', code: 'garbled' }),
  });
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, cut());
    parser.push(bytes.subarray(at, at + size));
    at += size;
  }
  parser.end();
  events.push(...decoder.end());
  return events;
}
