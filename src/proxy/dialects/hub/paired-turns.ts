// SPDX-License-Identifier: Apache-2.0
// Turns for dialects that are strict about them (Anthropic Messages, Bedrock Converse): user and assistant alternate, the user begins,
// results come first in a user turn and answer exactly the calls of the turn before, no text is blank. Pure; adds losses, never throws.

import type { Message, Part, TextPart, ToolCallPart, ToolResultPart } from './hub.ts';
import type { LossList } from './losses.ts';
import { alternating, splitSystem } from './turns.ts';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly parts: readonly Part[];
}

export interface PairedConversation {
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
}

/** Essential losses where the target would refuse the conversation: `tool-pairing`, `prefill`, `not-understood` (nobody asks). */
export function pairedConversation(messages: readonly Message[], losses: LossList): PairedConversation {
  const split = splitSystem(messages);
  for (const message of messages.slice(0, messages.length - split.rest.length)) {
    if (message.parts.some(({ kind }) => kind !== 'text')) losses.add('unknown-part', '/system');
  }
  let { system } = split;
  let rest = split.rest;
  system = system.filter(({ text }) => !isBlank(text));
  if (rest.length === 0 && system.length > 0) {
    // Only instructions: these dialects want a question, so the instructions are it.
    losses.add('system-position', '/messages');
    rest = [{ role: 'user', parts: system }];
    system = [];
  }
  const spoken: Message[] = [];
  for (const message of rest) {
    if (message.role === 'system') losses.add('system-position', '/messages');
    if (message.name !== undefined) losses.add('participant-name', '/messages');
    const parts = message.parts.filter(
      (part) => (part.kind !== 'text' && part.kind !== 'refusal') || !isBlank(part.text),
    );
    if (parts.length > 0) spoken.push({ role: message.role, parts });
  }
  const turns = alternating(spoken).map(({ role, parts }): Turn => {
    return role === 'assistant' ? { role, parts } : { role: 'user', parts: resultsFirst(parts) };
  });
  if (turns[0]?.role !== 'user') losses.add('not-understood', '/messages');
  if (turns.at(-1)?.role === 'assistant') losses.add('prefill', '/messages');
  checkPairs(turns, losses);
  return { system, turns };
}

/** Anthropic and Bedrock refuse text without anything to read in it. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text);
}

function resultsFirst(parts: readonly Part[]): readonly Part[] {
  const isResult = (part: Part) => part.kind === 'tool-result';
  if (!parts.some(isResult)) return parts;
  return [...parts.filter(isResult), ...parts.filter((part) => !isResult(part))];
}

function checkPairs(turns: readonly Turn[], losses: LossList): void {
  let open = new Set<string>();
  for (const { role, parts } of turns) {
    if (role === 'user') {
      for (const part of parts) {
        if (part.kind === 'tool-result' && !open.delete(part.id)) losses.add('tool-pairing', '/messages');
      }
    }
    if (open.size > 0) losses.add('tool-pairing', '/messages');
    const calls = parts.filter((part): part is ToolCallPart => part.kind === 'tool-call');
    open = new Set(calls.map(({ id }) => id));
    if (open.size < calls.length) losses.add('tool-pairing', '/messages');
  }
}

/** Names of tools that the conversation used, in order of first use: both dialects want them declared. */
export function usedToolNames(turns: readonly Turn[]): readonly string[] {
  const names = new Set<string>();
  for (const { parts } of turns) for (const part of parts) if (part.kind === 'tool-call') names.add(part.name);
  return [...names];
}

const MAX_ID = 64;
const FIT = /^[A-Za-z0-9_-]{1,64}$/;

/** Ids of calls as both dialects take them ([A-Za-z0-9_-], at most 64). The same id gives the same, different ones stay different. */
export function createIdFitter(turns: readonly Turn[]): (id: string) => string {
  const fitted = new Map<string, string>();
  const taken = new Set<string>();
  let number = 1;
  const pairs = turns.flatMap(({ parts }) =>
    parts.filter(
      (part): part is ToolCallPart | ToolResultPart => part.kind === 'tool-call' || part.kind === 'tool-result',
    ),
  );
  for (const { id } of pairs) if (FIT.test(id)) taken.add(id);
  return (id) => {
    if (FIT.test(id)) return id;
    const known = fitted.get(id);
    if (known !== undefined) return known;
    const base = id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_ID) || 'call';
    let candidate = base;
    while (taken.has(candidate)) candidate = `${base.slice(0, MAX_ID - 8)}_${++number}`;
    taken.add(candidate);
    fitted.set(id, candidate);
    return candidate;
  };
}
