// SPDX-License-Identifier: Apache-2.0
// The last step of a request for a host that departs from its dialect: members that it refuses are left out with their loss, members
// that it calls otherwise get its name. Order is kept.

import type { Quirks } from '../../hub/codec.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import type { Values } from '../../json/values.ts';

const LOSS_OF: ReadonlyMap<string, LossCode> = new Map<string, LossCode>([
  ['tools', 'no-tools'],
  ['tool_choice', 'tool-choice'],
  ['parallel_tool_calls', 'parallel-tools'],
  ['response_format', 'no-json-schema'],
  ['reasoning_effort', 'reasoning-effort'],
  ['temperature', 'temperature'],
  ['top_p', 'top-p'],
  ['top_k', 'top-k'],
  ['stop', 'stop-sequences'],
  ['seed', 'seed'],
  ['presence_penalty', 'penalties'],
  ['frequency_penalty', 'penalties'],
  ['prompt_cache_key', 'cache-key'],
  ['user', 'user'],
  ['verbosity', 'verbosity'],
  // Of the Responses API:
  ['text', 'no-json-schema'],
  ['reasoning', 'reasoning-unsupported'],
  ['include', 'include'],
  ['safety_identifier', 'user'],
]);

/** What asks for nothing: leaving it out loses nothing. */
function asksNothing(member: string, value: unknown): boolean {
  switch (member) {
    case 'tool_choice':
      return value === 'auto';
    case 'parallel_tool_calls':
      return value === true;
    case 'presence_penalty':
    case 'frequency_penalty':
      return value === 0;
    default:
      // Our own wish; hosts that refuse it send the usage anyway.
      return member === 'stream_options';
  }
}

export function forHost(body: Values, quirks: Quirks, losses: LossList): Values {
  const { refuses = [], renames = {} } = quirks;
  const out: [string, unknown][] = [];
  for (const [member, value] of Object.entries(body)) {
    if (refuses.includes(member)) {
      if (!asksNothing(member, value)) losses.add(LOSS_OF.get(member) ?? 'unknown-field', `/${member}`);
    } else out.push([Object.hasOwn(renames, member) ? (renames[member] ?? member) : member, value]);
  }
  return Object.fromEntries(out);
}
