// SPDX-License-Identifier: Apache-2.0
// A generateContent request to the hub: the top level and the tools. Contents and generationConfig have files of their own.

import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type { JsonSchema, Tool, ToolChoice } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { listIn, objectIn, says, stringsIn } from '../../hub/members.ts';
import { textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asArray, asObject, asString, type Values } from '../../json/values.ts';
import { withoutResourcePrefix } from '../../shared/named-models.ts';
import { readConfig } from './decode-config.ts';
import { readContents, readSystem } from './decode-contents.ts';
import { toJsonSchema } from './schema.ts';
import { camelKeys } from './wire.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
]);
const CODES: Readonly<Record<string, LossCode>> = {
  safetySettings: 'safety-settings',
  cachedContent: 'cached-content',
  labels: 'metadata',
  serviceTier: 'service-tier',
  store: 'store',
};
const TOOL_KNOWN: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'parametersJsonSchema']);

export function decodeRequest(recognised: Recognised, body: unknown): DecodedRequest {
  const losses = new LossList();
  const raw = asObject(body);
  const top = raw === undefined ? undefined : camelKeys(raw);
  const contents = top === undefined ? [] : listOf(top['contents']);
  // Code Assist wraps its requests and has answers of its own: that is an account, not a provider.
  if (top === undefined || contents.length === 0 || recognised.operation !== 'generate') return unreadable(losses, '');
  losses.unknownMembers(top, '', KNOWN, CODES);
  // The system prompt's message comes first.
  const system = readSystem(top['systemInstruction'], losses);
  const messages = [...system, ...readContents(contents, losses)];
  const tools = readTools(top, losses);
  const model = recognised.pathModel ?? withoutResourcePrefix(asString(top['model']) ?? '');
  return {
    request: {
      model,
      stream: recognised.pathStream ?? false,
      streamUsage: true,
      messages,
      tools,
      toolChoice: readToolChoice(top, tools, losses),
      parallelTools: undefined,
      ...readConfig(top['generationConfig'], losses),
      cacheKey: undefined,
      user: undefined,
      verbosity: undefined,
    },
    losses: losses.found,
  };
}

/** Google takes one element for a list of one. */
function listOf(value: unknown): readonly unknown[] {
  return asObject(value) === undefined ? asArray(value) : [value];
}

function readTools(top: Values, losses: LossList): readonly Tool[] {
  const tools: Tool[] = [];
  const single = asObject(top['tools']);
  const list = single === undefined ? listIn(top, 'tools', '', losses) : [single];
  list.forEach((item, at) => {
    const raw = asObject(item);
    if (raw === undefined) {
      losses.add('not-understood', `/tools/${at}`);
      return;
    }
    const tool = camelKeys(raw);
    for (const [name, member] of Object.entries(tool)) {
      // Search, code execution, maps … run at Google; an empty object switches them on.
      if (name !== 'functionDeclarations' && member !== null && member !== false)
        losses.add('server-tool', `/tools/${at}`);
    }
    const declarations = listOf(tool['functionDeclarations']);
    if (declarations.length === 0 && says(tool['functionDeclarations'])) losses.add('not-understood', `/tools/${at}`);
    declarations.forEach((declared, index) => {
      const made = readTool(declared, `/tools/${at}/functionDeclarations/${index}`, losses);
      if (made !== undefined) tools.push(made);
    });
  });
  return tools;
}

function readTool(value: unknown, at: string, losses: LossList): Tool | undefined {
  const raw = asObject(value);
  const tool = raw === undefined ? undefined : camelKeys(raw);
  const name = asString(tool?.['name']);
  if (tool === undefined || name === undefined || name === '') {
    losses.add('not-understood', at);
    return undefined;
  }
  losses.unknownMembers(tool, at, TOOL_KNOWN);
  return {
    name,
    description: textIn(tool, 'description', at, losses),
    parameters: readParameters(tool, at, losses),
    strict: undefined,
  };
}

function readParameters(tool: Values, at: string, losses: LossList): JsonSchema | undefined {
  const { parametersJsonSchema, parameters } = tool;
  if (parametersJsonSchema !== undefined && parametersJsonSchema !== null) {
    const schema = asObject(parametersJsonSchema);
    if (schema === undefined) losses.add('not-understood', `${at}/parametersJsonSchema`);
    return schema;
  }
  if (parameters === undefined || parameters === null) return undefined;
  const schema = toJsonSchema(parameters);
  if (schema === undefined) losses.add('not-understood', `${at}/parameters`);
  return schema;
}

function readToolChoice(top: Values, tools: readonly Tool[], losses: LossList): ToolChoice | undefined {
  const raw = objectIn(top, 'toolConfig', '', losses);
  if (raw === undefined) return undefined;
  const config = camelKeys(raw);
  losses.unknownMembers(config, '/toolConfig', new Set(['functionCallingConfig']));
  const calling = camelKeys(objectIn(config, 'functionCallingConfig', '/toolConfig', losses) ?? {});
  const place = '/toolConfig/functionCallingConfig';
  losses.unknownMembers(calling, place, new Set(['mode', 'allowedFunctionNames', 'streamFunctionCallArguments']));
  const allowed = stringsIn(calling, 'allowedFunctionNames', place, losses);
  const mode = textIn(calling, 'mode', place, losses) ?? '';
  switch (mode.toUpperCase()) {
    case 'NONE':
      return { kind: 'none' };
    case 'ANY': {
      const [only] = allowed;
      if (only !== undefined && allowed.length === 1) return { kind: 'tool', name: only };
      if (only === undefined || tools.every(({ name }) => allowed.includes(name))) return { kind: 'required' };
      losses.add('tool-choice', `${place}/allowedFunctionNames`);
      return { kind: 'required' };
    }
    case 'VALIDATED':
      // Like AUTO, with arguments held to their schemas.
      losses.add('tool-strict', `${place}/mode`);
      if (allowed.length > 0) losses.add('tool-choice', `${place}/allowedFunctionNames`);
      return { kind: 'auto' };
    case 'AUTO':
      return { kind: 'auto' };
    case '':
    case 'MODE_UNSPECIFIED':
      return undefined;
    default:
      losses.add('tool-choice', `${place}/mode`);
      return undefined;
  }
}
