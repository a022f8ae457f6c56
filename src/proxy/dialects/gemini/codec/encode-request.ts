// SPDX-License-Identifier: Apache-2.0
// A hub request as generateContent body: system prompt, tools, configuration. The model and the streaming verb stand in the path,
// which is the transport's business.

import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Message, Tool, ToolChoice } from '../../hub/hub.ts';
import { LossList } from '../../hub/losses.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import { splitSystem } from '../../hub/turns.ts';
import { encodeConfig } from './encode-config.ts';
import { encodeContents } from './encode-contents.ts';

export function encodeRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const names = fitToolNames(request);
  const { system, rest } = splitSystem(request.messages);
  const body: Record<string, unknown> = {};
  // Gemini refuses a request without contents: then the system prompt is what the user says.
  const alone: readonly Message[] = rest.length === 0 && system.length > 0 ? [{ role: 'user', parts: system }] : rest;
  if (alone !== rest) losses.add('system-position', '/messages');
  else if (system.length > 0) body['systemInstruction'] = { parts: system.map(({ text }) => ({ text })) };
  if (system.some(({ cache }) => cache !== undefined)) losses.add('cache-control', '/system');
  body['contents'] = encodeContents(alone, target, names, losses);
  if (alone.length === 0) losses.add('not-understood', '/messages');

  if (request.tools.length > 0) {
    if (target.facts.tools === false) losses.add('no-tools', '/tools');
    body['tools'] = [{ functionDeclarations: request.tools.map((tool, at) => encodeTool(tool, at, names, losses)) }];
    const choice = encodeToolChoice(request.toolChoice, names);
    if (choice !== undefined) body['toolConfig'] = { functionCallingConfig: choice };
  }
  if (request.parallelTools === false && request.tools.length > 0) losses.add('parallel-tools', '/parallelTools');
  if (request.cacheKey !== undefined) losses.add('cache-key', '/cacheKey');
  if (request.user !== undefined) losses.add('user', '/user');
  if (request.verbosity !== undefined) losses.add('verbosity', '/verbosity');
  const config = encodeConfig(request, target, losses);
  if (Object.keys(config).length > 0) body['generationConfig'] = config;
  return { body, losses: losses.found, toolNames: names.changed };
}

function encodeTool(tool: Tool, at: number, names: ToolNames, losses: LossList): Readonly<Record<string, unknown>> {
  const name = names.fit(tool.name);
  if (name !== tool.name) losses.add('tool-name', `/tools/${at}`);
  if (tool.strict === true) losses.add('tool-strict', `/tools/${at}`);
  if (tool.cache !== undefined) losses.add('cache-control', `/tools/${at}`);
  return {
    name,
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(tool.parameters === undefined ? {} : { parametersJsonSchema: tool.parameters }),
  };
}

function encodeToolChoice(choice: ToolChoice | undefined, names: ToolNames) {
  switch (choice?.kind) {
    case undefined:
      return undefined;
    case 'auto':
      return { mode: 'AUTO' };
    case 'none':
      return { mode: 'NONE' };
    case 'required':
      return { mode: 'ANY' };
    case 'tool':
      return { mode: 'ANY', allowedFunctionNames: [names.fit(choice.name)] };
  }
}
