// SPDX-License-Identifier: Apache-2.0
// A request that goes to another host of its own dialect: the members that this host refuses or calls otherwise, spliced. Everything
// else stays byte for byte. What a codec does with quirks when it writes a request anew is the codec's business.

import { editMembers, memberTexts } from '../json/edit.ts';
import { asObject, parseValue } from '../json/values.ts';
import type { Quirks } from './codec.ts';
import { fitBlocks } from './fit-blocks.ts';
import { fitMessages } from './fit-messages.ts';
import type { Loss } from './loss.ts';
import { LossList } from './losses.ts';
import { says } from './members.ts';
import { loseMember } from './refused-members.ts';

export interface FittedBody {
  /** The same buffer where nothing had to change. */
  readonly body: Buffer;
  /** What went, as in a translation: an essential loss means that the host cannot do what was asked. */
  readonly losses: readonly Loss[];
}

const OTHER_MAX_TOKENS = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' } as const;

/**
 * Never throws. A body that is no JSON object stays as it is.
 * @param model the host's name for the model
 */
export function fitQuirks(body: Buffer, quirks: Quirks, model: string): FittedBody {
  const remove = [...(quirks.refuses ?? [])];
  if (quirks.noStreamOptions) remove.push('stream_options');
  if (quirks.noParallelTools) remove.push('parallel_tool_calls');
  const rename: Record<string, string> = { ...quirks.renames };
  if (quirks.maxTokensKey !== undefined) rename[OTHER_MAX_TOKENS[quirks.maxTokensKey]] = quirks.maxTokensKey;
  const texts = memberTexts(body, [...remove, 'response_format', 'output_config', 'tool_choice']);

  const losses = new LossList();
  for (const name of remove) {
    const text = texts.get(name);
    if (text !== undefined) loseMember(name, parseValue(text), losses);
  }
  const format = asObject(parseValue(texts.get('response_format') ?? 'null'))?.['type'];
  const takesSchema = quirks.jsonSchema === undefined || quirks.jsonSchema === 'native';
  if (format === 'json_schema' && !takesSchema) losses.add('no-json-schema', '/response_format');
  const schema = asObject(parseValue(texts.get('output_config') ?? 'null'))?.['format'];
  if (says(schema) && !takesSchema) losses.add('no-json-schema', '/output_config/format');
  if (format === 'json_object' && quirks.jsonSchema === 'none') losses.add('json-object-mode', '/response_format');

  const any = quirks.toolChoiceRequired === 'any' && texts.get('tool_choice') === '"required"';
  const within = fitBlocks(fitMessages(body, quirks), quirks, model, losses);
  // A host may not know what nothing is left of.
  if (quirks.configMembers !== undefined && isEmptied(memberTexts(within, ['output_config']).get('output_config'))) {
    remove.push('output_config');
  }
  return {
    body: editMembers(within, { remove, rename, ...(any ? { set: { tool_choice: '"any"' } } : {}) }),
    losses: losses.found,
  };
}

function isEmptied(text: string | undefined): boolean {
  const value = asObject(parseValue(text ?? 'null'));
  return value !== undefined && Object.keys(value).length === 0;
}
