// SPDX-License-Identifier: Apache-2.0
// Cuts a server-sent event stream into events. Pure. Only what our own daemon sends: `event`, one or more `data`, comments.

export interface SseEvent {
  readonly event: string;
  readonly data: string;
}

/** An event of the daemon has about 60 KB; a stream without an end of an event is not ours. Characters. */
const LONGEST_EVENT = 4 * 2 ** 20;

function parse(block: string): SseEvent | undefined {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data.push(line.slice(6));
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') };
}

/** Returns a function that takes text in any slicing and gives the events that are complete. @throws RangeError: too long */
export function createSseParser(): (text: string) => readonly SseEvent[] {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > LONGEST_EVENT) throw new RangeError('an event has no end');
    return blocks.flatMap((block) => parse(block) ?? []);
  };
}
