// SPDX-License-Identifier: Apache-2.0
// Overlapping pieces of an answer one after the other, for dialects in which one part must end before the next begins: what comes while a
// tool call is open waits until it has ended. Bounded by what the provider sends.

import type { HubEvent } from './hub.ts';

interface Group {
  /** undefined: texts between calls. */
  readonly id: string | undefined;
  readonly events: HubEvent[];
  ended: boolean;
}

/** Feeds `next` with the same events, but calls never overlap each other or a text. */
export function sequential(next: (event: HubEvent) => void): (event: HubEvent) => void {
  let open: string | undefined;
  /** What came while a call was open: other calls with all that is theirs, and texts, in order. */
  let waiting: Group[] = [];
  /** How many of `waiting` have been given out. */
  let given = 0;
  /** The calls among them. A stream may leave thousands open. */
  const calls = new Map<string, Group>();

  function later(event: HubEvent): void {
    const last = waiting.at(-1);
    if (last !== undefined && last.id === undefined) last.events.push(event);
    else waiting.push({ id: undefined, events: [event], ended: true });
  }

  function nextGroup(): Group | undefined {
    const group = waiting[given++];
    if (group === undefined) {
      waiting = [];
      given = 0;
    } else if (group.id !== undefined && calls.get(group.id) === group) calls.delete(group.id);
    return group;
  }

  function closeOpen(): void {
    if (open === undefined) return;
    next({ kind: 'tool-end', id: open });
    open = undefined;
    while (open === undefined) {
      const group = nextGroup();
      if (group === undefined) return;
      for (const event of group.events) next(event);
      if (group.id === undefined) continue;
      if (group.ended) next({ kind: 'tool-end', id: group.id });
      else open = group.id;
    }
  }

  return (event) => {
    switch (event.kind) {
      case 'usage':
      case 'start':
      case 'loss':
        next(event);
        return;
      case 'stop':
      case 'error':
        // The end of calls whose own end nobody announced.
        while (open !== undefined) closeOpen();
        next(event);
        return;
      case 'tool-start':
        if (open !== undefined) {
          const group: Group = { id: event.id, events: [event], ended: false };
          waiting.push(group);
          if (!calls.has(event.id)) calls.set(event.id, group);
        } else {
          open = event.id;
          next(event);
        }
        return;
      case 'tool-args':
      case 'tool-end': {
        if (event.id === open) {
          if (event.kind === 'tool-end') closeOpen();
          else next(event);
          return;
        }
        const group = calls.get(event.id);
        if (group === undefined || group.ended) return;
        if (event.kind === 'tool-end') group.ended = true;
        else group.events.push(event);
        return;
      }
      default:
        if (open === undefined) next(event);
        else later(event);
    }
  };
}
