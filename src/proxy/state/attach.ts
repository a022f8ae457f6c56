// SPDX-License-Identifier: Apache-2.0
// Puts remembered reasoning and opaque data back into a conversation, at the place where the provider had them. The caller brings
// the visible parts, in its own way: text pieces joined, calls after the text, one answer in several messages. Pure; the request is
// never changed in place, and what the caller sends itself is never doubled.

import type { HubRequest, Message, Part, ReasoningPart, TextPart, ToolCallPart } from '../dialects/hub/hub.ts';
import { callAnchor, createTextAnchor, type StateRecord } from './record.ts';

export type FoundState = ReadonlyMap<string, StateRecord>;

/** Names that are looked up for one request; the newest turns count. Above any real tool loop. */
const MAX_ANCHORS = 1024;

/** An answer of the conversation: assistant messages that follow each other. */
interface Turn {
  readonly messages: readonly Message[];
  readonly parts: readonly Part[];
}

function turnsOf(messages: readonly Message[]): readonly (Turn | Message)[] {
  const out: (Turn | Message)[] = [];
  let run: Message[] = [];
  const endRun = (): void => {
    if (run.length > 0) out.push({ messages: run, parts: run.flatMap(({ parts }) => parts) });
    run = [];
  };
  for (const message of messages) {
    if (message.role === 'assistant') {
      run.push(message);
      continue;
    }
    endRun();
    out.push(message);
  }
  endRun();
  return out;
}

const isTurn = (one: Turn | Message): one is Turn => 'messages' in one;
const isCall = (part: Part): part is ToolCallPart => part.kind === 'tool-call';
const isText = (part: Part): part is TextPart => part.kind === 'text';

function textAnchorOf(parts: readonly Part[]): string | undefined {
  const text = createTextAnchor();
  for (const part of parts) if (isText(part)) text.push(part.text);
  return text.anchor();
}

function anchorsOfTurn({ parts }: Turn): readonly string[] {
  const calls = parts.filter(isCall);
  if (calls.length > 0) return calls.map(({ id }) => callAnchor(id));
  const anchor = textAnchorOf(parts);
  return anchor === undefined ? [] : [anchor];
}

/** The names to recall for a request, newest turns first. */
export function anchorsOf(request: HubRequest): readonly string[] {
  const turns = turnsOf(request.messages).filter(isTurn).toReversed();
  return [...new Set(turns.flatMap(anchorsOfTurn))].slice(0, MAX_ANCHORS);
}

/** Cuts text parts at the lengths that the answer had; undefined when they do not add up. */
function cutTexts(parts: readonly TextPart[], lengths: readonly number[]): readonly TextPart[] | undefined {
  const same = parts.length === lengths.length && parts.every(({ text }, index) => text.length === lengths[index]);
  if (same) return parts;
  const whole = parts.map(({ text }) => text).join('');
  if (whole.length !== lengths.reduce((sum, length) => sum + length, 0)) return undefined;
  // The last piece takes over the caller's cache mark, which stands at the end of what is to be cached.
  const cache = parts.findLast((part) => part.cache !== undefined)?.cache;
  let from = 0;
  return lengths.map((length, index) => {
    const text = whole.slice(from, from + length);
    from += length;
    return index === lengths.length - 1 && cache !== undefined ? { kind: 'text', text, cache } : { kind: 'text', text };
  });
}

/** The parts as the provider had given them; undefined where the caller's are not the same ones. */
function rebuilt(parts: readonly Part[], record: StateRecord): readonly Part[] | undefined {
  if (parts.some((part) => !isCall(part) && !isText(part) && part.kind !== 'reasoning')) return undefined;
  const lengths = record.flatMap((piece) => (piece.kind === 'text' ? [piece.length] : []));
  const texts = cutTexts(parts.filter(isText), lengths)?.values();
  const calls = new Map(parts.filter(isCall).map((part) => [part.id, part]));
  if (texts === undefined) return undefined;
  const out: Part[] = [];
  for (const piece of record) {
    if (piece.kind === 'reasoning') {
      out.push(piece);
      continue;
    }
    const part = piece.kind === 'text' ? texts.next().value : calls.get(piece.id);
    if (part === undefined) return undefined;
    if (piece.kind === 'call') calls.delete(piece.id);
    out.push(part);
  }
  return calls.size === 0 ? out : undefined;
}

/** The caller has changed the answer: reasoning goes before the call that it led to, or to the beginning or end. */
function inserted(parts: readonly Part[], record: StateRecord): readonly Part[] {
  const first: ReasoningPart[] = [];
  const before = new Map<string, readonly ReasoningPart[]>();
  let pending = first;
  for (const piece of record) {
    if (piece.kind === 'reasoning') {
      pending.push(piece);
    } else if (piece.kind === 'call') {
      // What led to a call that is gone goes with it.
      if (pending !== first) before.set(piece.id, pending);
      pending = [];
    } else if (pending === first) {
      pending = [];
    }
  }
  const visible = parts.filter((part) => part.kind !== 'reasoning');
  const middle = visible.flatMap((part): Part[] => (isCall(part) ? [...(before.get(part.id) ?? []), part] : [part]));
  return pending === first ? [...first, ...middle] : [...first, ...middle, ...pending];
}

function withCallState(part: Part, record: StateRecord, found: FoundState): Part {
  if (!isCall(part) || part.opaque !== undefined) return part;
  for (const piece of [...record, ...(found.get(callAnchor(part.id)) ?? [])]) {
    if (piece.kind === 'call' && piece.id === part.id && piece.opaque !== undefined)
      return { ...part, opaque: piece.opaque };
  }
  return part;
}

function attachedTurn(turn: Turn, found: FoundState): readonly Message[] {
  const record = anchorsOfTurn(turn)
    .map((anchor) => found.get(anchor))
    .find((one) => one !== undefined);
  const last = turn.messages.at(-1);
  if (record === undefined || last === undefined) return turn.messages;
  const withCalls = (parts: readonly Part[]) => parts.map((part) => withCallState(part, record, found));
  const opaqueSent = turn.parts.some((part) => part.kind === 'reasoning' && part.opaque !== undefined);
  // The caller replays the reasoning itself, or there was none: the messages stay as they are.
  if (opaqueSent || !record.some(({ kind }) => kind === 'reasoning'))
    return turn.messages.map((message) => ({ ...message, parts: withCalls(message.parts) }));
  return [{ ...last, parts: withCalls(rebuilt(turn.parts, record) ?? inserted(turn.parts, record)) }];
}

/**
 * The request with what `found` has (the answers to `anchorsOf`) put back. A turn that gets reasoning becomes one message. Reasoning
 * text that the caller shows without its opaque data is replaced by the original.
 */
export function attachState(request: HubRequest, found: FoundState): HubRequest {
  if (found.size === 0) return request;
  const messages = turnsOf(request.messages).flatMap((one) => (isTurn(one) ? attachedTurn(one, found) : [one]));
  return { ...request, messages };
}
