// SPDX-License-Identifier: Apache-2.0
// The response object that OpenAI's clients expect at the head, at the end and as the whole of an answer. Repeats what was asked.

import type { StopClass, Usage } from '../../dialect.ts';
import type { EncoderOptions } from '../../hub/codec.ts';
import type { HubRequest, OutputFormat, ToolChoice } from '../../hub/hub.ts';
import { jsonText, type Values } from '../../json/values.ts';

export type ResponseStatus = 'in_progress' | 'completed' | 'incomplete' | 'failed';

export function statusOf(stop: StopClass): Exclude<ResponseStatus, 'in_progress'> {
  switch (stop) {
    case 'length':
    case 'content-filter':
      return 'incomplete';
    case 'error':
      return 'failed';
    default:
      return 'completed';
  }
}

/** The caller's schemas as the answer repeats them; none of them if they are nested too deeply to be written. */
export function schemasAsked({ tools, output }: HubRequest): Values {
  const asked = {
    tools: tools.map(({ name, description = null, parameters = null, strict = null }) => {
      return { type: 'function', name, description, parameters, strict };
    }),
    format: formatObject(output),
  };
  return jsonText(asked) === undefined ? { tools: [], format: { type: 'text' } } : asked;
}

/** `schemas` as `schemasAsked` gives them; `usage` undefined: not known yet. */
export function responseObject(
  { id, createdAt, model, request }: EncoderOptions,
  schemas: Values,
  status: ResponseStatus,
  output: readonly Values[],
  stop: StopClass | undefined,
  usage: Usage | undefined,
): Values {
  const reason = stop === 'length' ? 'max_output_tokens' : 'content_filter';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: createdAt,
    status,
    background: false,
    error:
      status === 'failed' ? { code: 'server_error', message: 'The provider ended its answer with an error.' } : null,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    instructions: null,
    max_output_tokens: request.maxOutputTokens ?? null,
    max_tool_calls: null,
    metadata: {},
    model,
    output,
    parallel_tool_calls: request.parallelTools ?? true,
    previous_response_id: null,
    prompt_cache_key: request.cacheKey ?? null,
    reasoning: {
      effort: request.reasoning?.effort ?? null,
      summary: request.reasoning?.visible === true ? 'auto' : null,
    },
    safety_identifier: request.user ?? null,
    service_tier: 'default',
    store: false,
    temperature: request.temperature ?? 1,
    text: { format: schemas['format'], verbosity: request.verbosity ?? 'medium' },
    tool_choice: choiceObject(request.toolChoice),
    tools: schemas['tools'],
    top_logprobs: 0,
    top_p: request.topP ?? 1,
    truncation: 'disabled',
    usage: usage === undefined ? null : usageObject(usage),
    user: null,
  };
}

/** Both counts include the parts that the details name, as in the hub. */
function usageObject(usage: Usage): Values {
  const input = usage.input ?? 0;
  const output = usage.output ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: input + output,
  };
}

function formatObject(output: OutputFormat | undefined): Values {
  if (output === undefined) return { type: 'text' };
  if (output.kind === 'json-object') return { type: 'json_object' };
  const { name, schema, strict } = output;
  return { type: 'json_schema', name: name ?? 'response', schema, strict: strict ?? null, description: null };
}

function choiceObject(choice: ToolChoice | undefined): unknown {
  return choice?.kind === 'tool' ? { type: 'function', name: choice.name } : (choice?.kind ?? 'auto');
}
