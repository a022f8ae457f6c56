// SPDX-License-Identifier: Apache-2.0
// Anthropic's tools and content blocks for another host of its models: what that host refuses in them and in their cache marks is cut
// out, what it would have to fetch is an essential loss. All else stays byte for byte.

import { takesMember } from '../anthropic/codec/claude-models.ts';
import { type Cut, cutsOf, withCuts } from '../json/cut.ts';
import { type JsonNode, parseJsonNode } from '../json/node.ts';
import { parseValue } from '../json/values.ts';
import type { Quirks } from './codec.ts';
import type { LossList } from './losses.ts';
import { says } from './members.ts';

/** A mark that names no time lives so long. */
const USUAL_CACHE_TIME = '5m';

/** Never throws. The same buffer where nothing has to go. */
export function fitBlocks(body: Buffer, quirks: Quirks, model: string, losses: LossList): Buffer {
  const { noUrls, toolMembers, cacheMembers } = quirks;
  if (noUrls !== true && toolMembers === undefined && cacheMembers === undefined) return body;
  const root = parseJsonNode(body);
  const cuts: Cut[] = [];

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
      const value = gone ? parseValue(body.toString('utf8', start, end)) : undefined;
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
      mark(block, at);
      const source = block.get('source');
      if (noUrls === true && source?.get('type')?.string === 'url') {
        losses.add(block.get('type')?.string === 'image' ? 'image-url' : 'document-url', at);
      }
      blocks(block.get('content'), at);
      blocks(source?.get('content'), at);
    });
  }

  root?.get('tools')?.elements((tool, index) => {
    const at = `/tools/${index}`;
    cut(tool, toolMembers, (name) =>
      losses.add(name === 'eager_input_streaming' ? 'stream-options' : 'unknown-field', `${at}/${name}`),
    );
    mark(tool, at);
  });
  blocks(root?.get('system'), '/system');
  root?.get('messages')?.elements((message, index) => blocks(message.get('content'), `/messages/${index}`));
  // Members stand in any order.
  return withCuts(
    body,
    cuts.toSorted((a, b) => a.start - b.start),
  );
}
