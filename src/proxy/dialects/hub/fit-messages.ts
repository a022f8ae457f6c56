// SPDX-License-Identifier: Apache-2.0
// Chat messages for a host that knows no `developer` role, or takes only short ids of tool calls: these strings are spliced, all else
// stays byte for byte. The ids are those that the chat codec would write, so a conversation keeps them whichever way it goes.

import { type Cut, withCuts } from '../json/cut.ts';
import { type JsonNode, parseJsonNode } from '../json/node.ts';
import { createToolIds } from '../openai/codec/tool-ids.ts';
import type { Quirks } from './codec.ts';

const DEVELOPER = Buffer.from('"developer"');

/** Never throws. The same buffer where nothing has to change. */
export function fitMessages(body: Buffer, quirks: Quirks): Buffer {
  const renames = quirks.systemRole !== 'developer' && body.includes(DEVELOPER);
  if (!renames && quirks.shortToolIds !== true) return body;
  const messages = parseJsonNode(body)?.get('messages');
  const fit = createToolIds(true);
  const cuts: Cut[] = [];
  const splice = (node: JsonNode | undefined, to: (text: string) => string): void => {
    const text = node?.string;
    if (node === undefined || text === undefined) return;
    const made = to(text);
    if (made !== text) cuts.push({ start: node.start, end: node.end, text: JSON.stringify(made) });
  };
  messages?.elements((message) => {
    if (renames) splice(message.get('role'), (role) => (role === 'developer' ? 'system' : role));
    if (quirks.shortToolIds !== true) return;
    message.get('tool_calls')?.elements((call) => splice(call.get('id'), fit));
    splice(message.get('tool_call_id'), fit);
  });
  // Members of a message stand in any order.
  return withCuts(
    body,
    cuts.toSorted((a, b) => a.start - b.start),
  );
}
