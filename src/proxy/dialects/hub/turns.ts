// SPDX-License-Identifier: Apache-2.0
// Shapes of a conversation that several dialects need: the leading system prompt apart, turns that alternate, the names of the tools
// that results answer. Pure; messages are never changed in place.

import type { Message, Part, TextPart, ToolCallPart } from './hub.ts';

export interface SplitSystem {
  /** Text parts of the system messages before the first other message. */
  readonly system: readonly TextPart[];
  readonly rest: readonly Message[];
}

export function splitSystem(messages: readonly Message[]): SplitSystem {
  const first = messages.findIndex(({ role }) => role !== 'system');
  const leading = first < 0 ? messages : messages.slice(0, first);
  const system = leading.flatMap(({ parts }) => parts.filter((part): part is TextPart => part.kind === 'text'));
  return { system, rest: first < 0 ? [] : messages.slice(first) };
}

/** Neighbours of one role become one message. A `system` message among them takes the role that `systemAs` says. */
export function alternating(messages: readonly Message[], systemAs: 'user' | 'system' = 'user'): readonly Message[] {
  const out: { role: Message['role']; parts: Part[] }[] = [];
  for (const message of messages) {
    const role = message.role === 'system' ? systemAs : message.role;
    const last = out.at(-1);
    // Not `push(...parts)`: a message of a hundred thousand parts would overflow the stack.
    if (last?.role === role) for (const part of message.parts) last.parts.push(part);
    else out.push({ role, parts: [...message.parts] });
  }
  return out;
}

/** Every tool call of the conversation by its id. */
export function callsById(messages: readonly Message[]): ReadonlyMap<string, ToolCallPart> {
  const calls = new Map<string, ToolCallPart>();
  for (const { parts } of messages) for (const part of parts) if (part.kind === 'tool-call') calls.set(part.id, part);
  return calls;
}

/** All text of parts, in order. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === 'text' || part.kind === 'refusal' ? part.text : '')).join('');
}
