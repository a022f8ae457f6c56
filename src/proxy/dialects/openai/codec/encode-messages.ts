// SPDX-License-Identifier: Apache-2.0
// Chat Completions: a conversation of the hub as messages. Results stand directly behind the calls that they answer, because the API
// refuses any other order. Pure.

import type { ModelFacts, Quirks } from '../../hub/codec.ts';
import type { Message, Part, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import type { ToolNames } from '../../hub/tool-names.ts';
import { textOf } from '../../hub/turns.ts';
import type { Values } from '../../json/values.ts';
import { isShown, type Shown, userContent } from './encode-media.ts';
import { createToolIds } from './tool-ids.ts';

export interface MessagesTarget {
  readonly names: ToolNames;
  readonly facts: ModelFacts;
  readonly quirks: Quirks;
  readonly losses: LossList;
}

/** A message and its place in the request. */
interface Placed {
  readonly message: Message;
  readonly at: string;
}

export function encodeMessages(messages: readonly Message[], target: MessagesTarget): readonly Values[] {
  const { losses } = target;
  const out: Values[] = [];
  const fitId = createToolIds(target.quirks.shortToolIds === true);
  /** Calls of the assistant's turn before that nothing has answered. */
  let open: ReadonlySet<string> = new Set();
  for (const turn of turnsOf(messages)) {
    if (turn[0]?.message.role !== 'assistant') {
      open = encodeOthers(turn, open, fitId, target, out);
      if (open.size > 0) losses.add('tool-pairing', turn[0]?.at ?? '');
      open = new Set();
    } else open = encodeAssistant(turn, fitId, target, out);
  }
  // The API would begin a new message in place of going on with this one.
  const last = messages.at(-1);
  if (last?.role === 'assistant')
    losses.add(open.size > 0 ? 'tool-pairing' : 'prefill', `/messages/${messages.length - 1}`);
  return out;
}

/** Runs of assistant messages, and the runs between them. */
function turnsOf(messages: readonly Message[]): readonly (readonly Placed[])[] {
  const turns: Placed[][] = [];
  for (const [index, message] of messages.entries()) {
    const placed = { message, at: `/messages/${index}` };
    const last = turns.at(-1);
    const same = last?.[0] !== undefined && (last[0].message.role === 'assistant') === (message.role === 'assistant');
    if (same) last.push(placed);
    else turns.push([placed]);
  }
  return turns;
}

/** Returns the calls that stayed without an answer. */
function encodeOthers(
  turn: readonly Placed[],
  calls: ReadonlySet<string>,
  fitId: (id: string) => string,
  target: MessagesTarget,
  out: Values[],
): ReadonlySet<string> {
  const open = new Set(calls);
  const media: Values[] = [];
  for (const { message, at } of turn) {
    for (const part of message.parts) {
      if (part.kind !== 'tool-result') continue;
      if (!open.delete(part.id)) target.losses.add('tool-pairing', at);
      out.push(encodeResult(part, at, fitId(part.id), target, media));
    }
  }
  for (const message of media) out.push(message);
  for (const { message, at } of turn) {
    const shown = shownOf(message.parts, at, target.losses);
    if (shown.length === 0 && message.parts.length > 0) continue;
    const name = message.name === undefined ? {} : { name: message.name };
    if (message.role === 'system') {
      if (shown.some(({ kind }) => kind !== 'text')) target.losses.add('unknown-part', at);
      const text = userContent(
        shown.filter(({ kind }) => kind === 'text'),
        at,
        target.facts,
        target.losses,
      );
      out.push({ role: target.quirks.systemRole ?? 'system', content: text, ...name });
    } else out.push({ role: 'user', content: userContent(shown, at, target.facts, target.losses), ...name });
  }
  return open;
}

/** Parts that a message of the user's can show; results are out already. */
function shownOf(parts: readonly Part[], at: string, losses: LossList): readonly Shown[] {
  const shown = parts.filter(isShown);
  if (parts.some((part) => !isShown(part) && part.kind !== 'tool-result')) losses.add('unknown-part', at);
  return shown;
}

/** Results are text in this dialect; their images and documents follow in a message of the user's. */
function encodeResult(
  result: ToolResultPart,
  at: string,
  id: string,
  { facts, losses }: MessagesTarget,
  media: Values[],
): Values {
  if (result.isError) losses.add('tool-error-flag', at);
  if (result.cache !== undefined) losses.add('cache-control', at);
  const others = result.parts.filter(({ kind }) => kind !== 'text');
  if (others.length > 0) {
    losses.add('tool-result-media', at);
    const head: Shown = { kind: 'text', text: `Attached to the result of tool call ${id}:` };
    media.push({ role: 'user', content: userContent([head, ...others], at, facts, losses) });
  }
  const texts = result.parts.filter(({ kind }) => kind === 'text');
  return { role: 'tool', tool_call_id: id, content: userContent(texts, at, facts, losses) };
}

/** One message for a run: some dialects keep each call in a message of its own. Returns the ids of its calls. */
function encodeAssistant(
  turn: readonly Placed[],
  fitId: (id: string) => string,
  target: MessagesTarget,
  out: Values[],
): ReadonlySet<string> {
  const { losses, quirks } = target;
  const texts: string[] = [];
  let refusal = '';
  let reasoning = '';
  const calls: ToolCallPart[] = [];
  for (const { message, at } of turn) {
    const text = textOf(message.parts.filter(({ kind }) => kind === 'text'));
    if (text !== '') texts.push(text);
    for (const part of message.parts) {
      switch (part.kind) {
        case 'text':
          if (part.cache !== undefined) losses.add('cache-control', at);
          break;
        case 'refusal':
          refusal += part.text;
          break;
        case 'reasoning':
          if (quirks.reasoningKey !== undefined) reasoning += part.text;
          if (quirks.reasoningKey === undefined || part.opaque !== undefined) losses.add('reasoning-dropped', at);
          break;
        case 'tool-call':
          if (part.opaque !== undefined) losses.add('reasoning-dropped', at);
          if (part.cache !== undefined) losses.add('cache-control', at);
          calls.push(part);
          break;
        default:
          losses.add('unknown-part', at);
      }
    }
  }
  const content = texts.join('\n');
  const name = turn[0]?.message.name;
  if (turn.some(({ message }) => message.name !== name)) losses.add('participant-name', turn[0]?.at ?? '');
  out.push({
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
    ...(refusal === '' ? {} : { refusal }),
    ...(reasoning === '' || quirks.reasoningKey === undefined ? {} : { [quirks.reasoningKey]: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => encodeCall(call, fitId, target.names)) }),
    ...(name === undefined ? {} : { name }),
  });
  const ids = new Set(calls.map(({ id }) => id));
  if (ids.size < calls.length) losses.add('tool-pairing', turn[0]?.at ?? '');
  return ids;
}

/** Hosts parse the arguments: none is an empty object. */
function encodeCall({ id, name, args }: ToolCallPart, fitId: (id: string) => string, names: ToolNames): Values {
  return { id: fitId(id), type: 'function', function: { name: names.fit(name), arguments: args === '' ? '{}' : args } };
}
