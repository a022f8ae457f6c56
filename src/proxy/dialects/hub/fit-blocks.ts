// SPDX-License-Identifier: Apache-2.0
// Anthropic's tools and content blocks for another host of its models: what that host refuses in them and in their cache marks is cut
// out, tools that load on demand become usual ones, what it would have to fetch is an essential loss. All else stays byte for byte.

import { takesMember } from '../anthropic/codec/claude-models.ts';
import { loadedTools, referenceText } from '../anthropic/codec/deferred-tools.ts';
import { type Cut, cutsOf, withCuts } from '../json/cut.ts';
import { type JsonNode, parseJsonNode } from '../json/node.ts';
import type { ByteSpan } from '../json/splice.ts';
import { parseValue } from '../json/values.ts';
import type { Quirks } from './codec.ts';
import type { LossCode } from './loss.ts';
import type { LossList } from './losses.ts';
import { says } from './members.ts';

/** A mark that names no time lives so long. */
const USUAL_CACHE_TIME = '5m';

/** Of members of tools and of `output_config`; others are `unknown-field`. */
const MEMBER_LOSSES: ReadonlyMap<string, LossCode> = new Map([
  ['defer_loading', 'deferred-tools'],
  ['eager_input_streaming', 'stream-options'],
  ['effort', 'reasoning-effort'],
]);

/** Never throws. The same buffer where nothing has to go. */
export function fitBlocks(body: Buffer, quirks: Quirks, model: string, losses: LossList): Buffer {
  const { noUrls = false, loadsNoTools = false, configMembers, cacheMembers } = quirks;
  const toolMembers = loadsNoTools ? { ...quirks.toolMembers, defer_loading: Infinity } : quirks.toolMembers;
  if (!noUrls && [configMembers, toolMembers, cacheMembers].every((members) => members === undefined)) return body;
  const root = parseJsonNode(body);
  const cuts: Cut[] = [];
  const parsed = ({ start, end }: ByteSpan): unknown => parseValue(body.toString('utf8', start, end));

  /** Cuts the members that are not taken for the model; tells `lose` of each that asked for something. */
  function cut(
    node: JsonNode | undefined,
    since: Quirks['toolMembers'],
    lose: (name: string, value: unknown) => void,
  ): void {
    const members: { readonly start: number; readonly end: number; readonly gone: boolean }[] = [];
    node?.members((key, { start, end }, name) => {
      const gone = !takesMember(since, key, model);
      members.push({ start: name.start, end, gone });
      const value = gone ? parsed({ start, end }) : undefined;
      if (says(value)) lose(key, value);
    });
    for (const each of cutsOf(members, ({ gone }) => gone)) cuts.push(each);
  }

  function mark(holder: JsonNode, at: string): void {
    cut(holder.get('cache_control'), cacheMembers, (_, value) => {
      if (value !== USUAL_CACHE_TIME) losses.add('cache-control', at);
    });
  }

  function blocks(list: JsonNode | undefined, at: string): void {
    list?.elements((block) => {
      if (loadsNoTools && block.get('type')?.string === 'tool_reference') {
        const text = JSON.stringify({ type: 'text', text: referenceText(block.get('tool_name')?.string) });
        cuts.push({ start: block.start, end: block.end, text });
        return losses.add('deferred-tools', at);
      }
      mark(block, at);
      const source = block.get('source');
      if (noUrls && source?.get('type')?.string === 'url') {
        losses.add(block.get('type')?.string === 'image' ? 'image-url' : 'document-url', at);
      }
      blocks(block.get('content'), at);
      blocks(source?.get('content'), at);
    });
  }

  const losing = (at: string) => (name: string) =>
    losses.add(MEMBER_LOSSES.get(name) ?? 'unknown-field', `${at}/${name}`);
  cut(root?.get('output_config'), configMembers, losing('/output_config'));
  const tools: JsonNode[] = [];
  root?.get('tools')?.elements((tool) => {
    tools.push(tool);
  });
  const isDeferred = (tool: JsonNode): boolean => loadsNoTools && tool.get('defer_loading')?.isTrue === true;
  const messages = root?.get('messages');
  const chosen = root?.get('tool_choice')?.get('name')?.string;
  const loaded = loadedTools(messages !== undefined && tools.some(isDeferred) ? parsed(messages) : [], chosen);
  const isHidden = (tool: JsonNode): boolean => isDeferred(tool) && !loaded.has(tool.get('name')?.string ?? '');
  for (const each of cutsOf(tools, isHidden)) cuts.push(each);
  for (const [index, tool] of tools.entries()) {
    const at = `/tools/${index}`;
    if (isHidden(tool)) {
      losses.add('deferred-tools', at);
      continue;
    }
    cut(tool, toolMembers, losing(at));
    mark(tool, at);
  }
  blocks(root?.get('system'), '/system');
  messages?.elements((message, index) => blocks(message.get('content'), `/messages/${index}`));
  // Members stand in any order.
  return withCuts(
    body,
    cuts.toSorted((a, b) => a.start - b.start),
  );
}
