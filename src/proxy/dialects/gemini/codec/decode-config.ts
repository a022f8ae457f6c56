// SPDX-License-Identifier: Apache-2.0
// generationConfig to the hub: sampling, limits, output format, thinking.

import type { HubRequest, OutputFormat, Reasoning, ReasoningEffort } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import { objectIn, stringsIn } from '../../hub/members.ts';
import { flagIn, textIn } from '../../hub/scalars.ts';
import { asCount, asObject, type Values } from '../../json/values.ts';
import { toJsonSchema } from './schema.ts';
import { camelKeys } from './wire.ts';

type Config = Pick<
  HubRequest,
  | 'output'
  | 'reasoning'
  | 'maxOutputTokens'
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'stop'
  | 'seed'
  | 'presencePenalty'
  | 'frequencyPenalty'
>;

const AT = '/generationConfig';
const KNOWN: ReadonlySet<string> = new Set([
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'seed',
  'stopSequences',
  'presencePenalty',
  'frequencyPenalty',
  'candidateCount',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseModalities',
  'thinkingConfig',
]);
const CODES: Readonly<Record<string, LossCode>> = {
  responseLogprobs: 'logprobs',
  logprobs: 'logprobs',
  speechConfig: 'audio',
  imageConfig: 'output-modality',
  mediaResolution: 'image-detail',
  // A newer way to ask for schemas, images and audio at once; its shape is not settled.
  responseFormat: 'no-json-schema',
};
const EFFORTS: ReadonlyMap<string, ReasoningEffort> = new Map<string, ReasoningEffort>([
  ['MINIMAL', 'minimal'],
  ['LOW', 'low'],
  ['MEDIUM', 'medium'],
  ['HIGH', 'high'],
]);

export function readConfig(value: unknown, losses: LossList): Config {
  const raw = asObject(value);
  if (raw === undefined && value !== undefined && value !== null) losses.add('not-understood', AT);
  const config = camelKeys(raw ?? {});
  losses.unknownMembers(config, AT, KNOWN, CODES);
  const number = (name: string): number | undefined => readNumber(config, name, AT, losses);
  if ((number('candidateCount') ?? 1) > 1) losses.add('several-choices', `${AT}/candidateCount`);
  if (stringsIn(config, 'responseModalities', AT, losses).some((one) => one.toUpperCase() !== 'TEXT')) {
    losses.add('output-modality', `${AT}/responseModalities`);
  }
  return {
    output: readOutput(config, losses),
    reasoning: readThinking(config, losses),
    maxOutputTokens: number('maxOutputTokens'),
    temperature: number('temperature'),
    topP: number('topP'),
    topK: number('topK'),
    stop: stringsIn(config, 'stopSequences', AT, losses),
    seed: number('seed'),
    presencePenalty: number('presencePenalty'),
    frequencyPenalty: number('frequencyPenalty'),
  };
}

/** Google's JSON takes numbers in quotes too. */
function readNumber(config: Values, name: string, at: string, losses: LossList): number | undefined {
  const value = config[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  losses.add('not-understood', `${at}/${name}`);
  return undefined;
}

function readOutput(config: Values, losses: LossList): OutputFormat | undefined {
  const { responseJsonSchema, responseSchema } = config;
  const type = textIn(config, 'responseMimeType', AT, losses) ?? '';
  if (type === '' || type === 'text/plain') return undefined;
  if (type !== 'application/json') {
    // text/x.enum: one word of an enumeration, without quotes. No other dialect has it.
    losses.add('no-json-schema', `${AT}/responseMimeType`);
    return undefined;
  }
  const given = responseJsonSchema ?? responseSchema ?? undefined;
  if (given === undefined) return { kind: 'json-object' };
  const schema = given === responseJsonSchema ? asObject(given) : toJsonSchema(given);
  if (schema === undefined) {
    losses.add('not-understood', `${AT}/responseSchema`);
    return undefined;
  }
  return { kind: 'json-schema', name: undefined, schema, strict: undefined };
}

/** A budget of 0 switches thinking off, -1 leaves it to the model. */
function readThinking(generation: Values, losses: LossList): Reasoning | undefined {
  const raw = objectIn(generation, 'thinkingConfig', AT, losses);
  if (raw === undefined) return undefined;
  const config = camelKeys(raw);
  const at = `${AT}/thinkingConfig`;
  losses.unknownMembers(config, at, new Set(['thinkingBudget', 'thinkingLevel', 'includeThoughts']));
  const visible = flagIn(config, 'includeThoughts', at, losses);
  const level = textIn(config, 'thinkingLevel', at, losses)?.toUpperCase();
  const effort = level === undefined ? undefined : EFFORTS.get(level);
  if (level !== undefined && effort === undefined && level !== 'THINKING_LEVEL_UNSPECIFIED') {
    losses.add('reasoning-effort', `${at}/thinkingLevel`);
  }
  const budget = readNumber(config, 'thinkingBudget', at, losses);
  if (effort !== undefined) return { effort, budgetTokens: undefined, visible };
  if (budget === 0) return { effort: 'none', budgetTokens: undefined, visible };
  return { effort: undefined, budgetTokens: asCount(budget), visible };
}
