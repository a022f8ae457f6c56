// SPDX-License-Identifier: Apache-2.0
// Which simulated endpoint a method and path mean, where the credential is, and how each vendor labels its answers. Pure.

import { jsonAnswer } from './answer.ts';
import { countTokens, messages } from './dialects/anthropic.ts';
import { bedrockCount, converse, invoke } from './dialects/bedrock.ts';
import { cohereChat, cohereEmbed } from './dialects/cohere.ts';
import type { Endpoint } from './dialects/endpoint.ts';
import { geminiCount, geminiEmbed, generate } from './dialects/gemini.ts';
import { ollamaEmbed, ollamaGenerate } from './dialects/ollama.ts';
import { chat, completions } from './dialects/openai-chat.ts';
import { embeddings } from './dialects/openai-embeddings.ts';
import { responses } from './dialects/openai-responses.ts';
import type { Family } from './native-error.ts';
import { anthropicHeaders, openaiHeaders } from './vendor-headers.ts';

export interface Route {
  readonly family: Family;
  readonly endpoint: Endpoint;
  /** Model in the path, percent-decoded; undefined: in the body. */
  readonly pathModel: string | undefined;
  readonly pathStream: boolean;
  readonly needsBody: boolean;
}

const MODELS = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet-4-6', 'gemini-2.5-flash', 'llama3.2'];

const listOpenAi: Endpoint = (_, { created }) =>
  jsonAnswer({ object: 'list', data: MODELS.map((id) => ({ id, object: 'model', created, owned_by: 'simulated' })) });
const listAnthropic: Endpoint = () =>
  jsonAnswer({
    data: MODELS.map((id) => ({
      type: 'model',
      id,
      display_name: `${id} (simulated)`,
      created_at: '2030-01-01T00:00:00Z',
    })),
    first_id: MODELS[0],
    has_more: false,
    last_id: MODELS.at(-1),
  });
const listGemini: Endpoint = () =>
  jsonAnswer({ models: MODELS.map((id) => ({ name: `models/${id}`, displayName: `${id} (simulated)` })) });
const listOllama: Endpoint = () => jsonAnswer({ models: MODELS.map((id) => ({ name: id, model: id })) });
const ollamaVersion: Endpoint = () => jsonAnswer({ version: '0.0.0-simulated' });

const SUFFIXES: readonly (readonly [method: string, pattern: RegExp, family: Family, endpoint: Endpoint])[] = [
  ['POST', /\/chat\/completions$/, 'openai', chat],
  ['POST', /\/responses$/, 'openai', responses],
  ['POST', /\/embeddings$/, 'openai', embeddings],
  ['POST', /\/v1\/completions$|\/openai\/.*\/completions$|^\/completions$/, 'openai', completions],
  ['POST', /\/messages$/, 'anthropic', messages],
  ['POST', /\/messages\/count_tokens$/, 'anthropic', countTokens],
  ['POST', /\/v2\/chat$/, 'cohere', cohereChat],
  ['POST', /\/v2\/embed$/, 'cohere', cohereEmbed],
  ['POST', /\/api\/(?:chat|generate)$/, 'ollama', ollamaGenerate],
  ['POST', /\/api\/embed(?:dings)?$/, 'ollama', ollamaEmbed],
  ['GET', /\/api\/tags$/, 'ollama', listOllama],
  ['GET', /\/api\/version$/, 'ollama', ollamaVersion],
  ['GET', /\/v1(?:beta|alpha|beta1)\/models$/, 'gemini', listGemini],
  ['GET', /\/models$/, 'openai', listOpenAi],
];

const GEMINI =
  /\/models\/([^/]+):(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|rawPredict|streamRawPredict)$/;
const BEDROCK = /\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)$/;

const GEMINI_VERBS: Readonly<Record<string, Endpoint>> = {
  generateContent: generate,
  streamGenerateContent: generate,
  countTokens: geminiCount,
  embedContent: geminiEmbed,
  batchEmbedContents: geminiEmbed,
  rawPredict: messages,
  streamRawPredict: messages,
};
const BEDROCK_VERBS: Readonly<Record<string, Endpoint>> = {
  converse,
  'converse-stream': converse,
  invoke,
  'invoke-with-response-stream': invoke,
  'count-tokens': bedrockCount,
};

function decoded(model: string): string {
  try {
    return decodeURIComponent(model);
  } catch {
    return model;
  }
}

/** @param path without query. Any base path may come before the vendor's own. */
export function findRoute(
  method: string,
  path: string,
  header: (name: string) => string | undefined,
): Route | undefined {
  const google = method === 'POST' ? GEMINI.exec(path) : null;
  if (google !== null) {
    const [, model = '', verb = ''] = google;
    const endpoint = GEMINI_VERBS[verb];
    const family = verb.toLowerCase().includes('rawpredict') ? 'anthropic' : 'gemini';
    if (endpoint === undefined) return undefined;
    return { family, endpoint, pathModel: decoded(model), pathStream: verb.startsWith('stream'), needsBody: true };
  }
  const amazon = method === 'POST' ? BEDROCK.exec(path) : null;
  if (amazon !== null) {
    const [, model = '', verb = ''] = amazon;
    const endpoint = BEDROCK_VERBS[verb];
    if (endpoint === undefined) return undefined;
    return {
      family: 'bedrock',
      endpoint,
      pathModel: decoded(model),
      pathStream: verb.endsWith('-stream'),
      needsBody: true,
    };
  }
  const found = SUFFIXES.find(([wanted, pattern]) => wanted === method && pattern.test(path));
  if (found === undefined) return undefined;
  const [, , family, endpoint] = found;
  const base = { pathModel: azureDeployment(path), pathStream: false, needsBody: method === 'POST' };
  if (endpoint === listOpenAi && header('anthropic-version') !== undefined) {
    return { ...base, family: 'anthropic', endpoint: listAnthropic };
  }
  return { ...base, family, endpoint };
}

function azureDeployment(path: string): string | undefined {
  const model = /\/openai\/deployments\/([^/]+)\//.exec(path)?.[1];
  return model === undefined ? undefined : decoded(model);
}

/** The vendor whose API a path seems to belong to, for errors on unknown paths. */
export function familyOf(path: string): Family {
  if (/\/(?:messages|complete)\b/.test(path)) return 'anthropic';
  if (/\/v1(?:beta|alpha)\d?\//.test(path)) return 'gemini';
  if (/\/model\//.test(path)) return 'bedrock';
  if (/\/v2\//.test(path)) return 'cohere';
  return /\/api\//.test(path) ? 'ollama' : 'openai';
}

/** The caller's credential, where the family expects one. '' is none. */
export function credential(
  family: Family,
  header: (name: string) => string | undefined,
  query: URLSearchParams,
): string {
  const bearer = /^Bearer\s+(.+)$/i.exec(header('authorization') ?? '')?.[1];
  switch (family) {
    case 'anthropic':
      return header('x-api-key') ?? bearer ?? '';
    case 'gemini':
      return header('x-goog-api-key') ?? query.get('key') ?? bearer ?? '';
    case 'openai':
      return bearer ?? header('api-key') ?? '';
    case 'bedrock':
      return bearer ?? /Credential=([^/,\s]+)/.exec(header('authorization') ?? '')?.[1] ?? '';
    case 'cohere':
    case 'ollama':
      return bearer ?? '';
  }
}

/** Status with which a vendor refuses a bad key. Google says 400 and AWS 403 where the others say 401. */
export function badKeyStatus(family: Family): number {
  if (family === 'gemini') return 400;
  return family === 'bedrock' ? 403 : 401;
}

/** Request-id and rate-limit headers of each vendor. */
export function vendorHeaders(family: Family, requestId: string, nowMs: number): readonly string[] {
  switch (family) {
    case 'openai':
      return openaiHeaders(requestId);
    case 'anthropic':
      return anthropicHeaders(requestId, nowMs);
    case 'bedrock':
      return ['x-amzn-requestid', requestId];
    case 'cohere':
      return ['x-debug-trace-id', requestId, 'x-endpoint-monthly-call-limit', '1000'];
    case 'gemini':
    case 'ollama':
      return [];
  }
}
