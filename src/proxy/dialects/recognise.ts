// SPDX-License-Identifier: Apache-2.0
// Which dialect a call speaks, by host, provider type and path. Paths are matched by their last segments, because hosts put all
// kinds of prefixes in front (/openai/v1, /api/v1, /anthropic, /backend-api/codex …) and base URLs cut pieces off.

import type { DialectId, Operation, Recognised } from './dialect.ts';

/** All that is known before the body. The query is no part of it: paths tell the dialects apart, content types the framings. */
export interface Address {
  readonly method: string;
  /** Lower case, without port; '' when only the provider is known. */
  readonly host: string;
  /** One of the provider types of outpost.yaml; decides where a path alone could mean two things. */
  readonly providerType?: string | undefined;
  /** Still percent-encoded, without the query. */
  readonly path: string;
}

/** Longest model that is taken from a path; the same bound as for bodies. */
const MAX_MODEL = 256;

/** @returns undefined: a call that is not known to carry prompts. Never throws. */
export function recognise(address: Address): Recognised | undefined {
  if (address.method !== 'POST') return undefined;
  const path = segmentsOf(address.path);
  if (path.length === 0) return undefined;
  return (
    bedrock(path) ??
    google(path) ??
    openai(path, address) ??
    anthropic(path, address) ??
    cohere(path, address) ??
    ollama(path, address)
  );
}

/** The model that a path names, whatever dialect it speaks (images of an Azure deployment, videos of Gemini …). */
export function pathModelOf(address: Address): string | undefined {
  const path = segmentsOf(address.path);
  const last = path.at(-1) ?? '';
  const verb = path.at(-2) === 'models' ? last.lastIndexOf(':') : -1;
  const model = deploymentOf(path, address) ?? (verb > 0 ? last.slice(0, verb) : undefined);
  return model === undefined || model === '' || model.length > MAX_MODEL ? undefined : model;
}

/** OpenAI's stores of messages, and its moderation: they take text but no model, and generate nothing. */
const NO_MODEL =
  /\/(?:moderations|conversations(?:\/[^/]+(?:\/items)?)?|threads(?:\/(?!runs$)[^/]+(?:\/messages(?:\/[^/]+)?)?)?)$/;

/** Is it usual that a call to this path names no model? Other vendors' paths of the same name do generate (Mistral's). */
export function namesNoModel({ host, providerType, path }: Address): boolean {
  const openai = providerType === 'openai' || providerType === 'azure' || /(?:^|\.)api\.openai\.com$/.test(host);
  return openai && NO_MODEL.test(path);
}

/** WebSocket upgrades: only the Responses API has one whose messages are known. */
export function recogniseUpgrade(address: Address): Recognised | undefined {
  if (address.method !== 'GET') return undefined;
  const path = segmentsOf(address.path);
  return path.at(-1)?.toLowerCase() === 'responses'
    ? found('openai-responses', 'generate', undefined, true)
    : undefined;
}

function found(dialect: DialectId, operation: Operation, pathModel?: string, pathStream?: boolean): Recognised {
  const model = pathModel === undefined || pathModel === '' || pathModel.length > MAX_MODEL ? undefined : pathModel;
  // Embeddings and counts never stream, whatever the body says.
  return { dialect, operation, pathModel: model, pathStream: operation === 'generate' ? pathStream : false };
}

/** Decoded segments, empty ones left out: servers take `//v1/x/` for `/v1/x`, and some `%2F` or a backslash for a slash. */
function segmentsOf(path: string): readonly string[] {
  return path
    .split('/')
    .flatMap((segment) => {
      try {
        return decodeURIComponent(segment).split(/[/\\]/);
      } catch {
        return segment;
      }
    })
    .filter((segment) => segment !== '');
}

/** Does the path end with these segments? */
function endsWith(path: readonly string[], ...tail: readonly string[]): boolean {
  return path.length >= tail.length && tail.every((segment, at) => path[path.length - tail.length + at] === segment);
}

function bedrock(path: readonly string[]): Recognised | undefined {
  const start = path.indexOf('model');
  if (start < 0 || path.length < start + 3) return undefined;
  // Some clients leave the slash within an ARN as it is.
  const model = path.slice(start + 1, -1).join('/');
  switch (path.at(-1)) {
    case 'converse':
      return found('bedrock-converse', 'generate', model, false);
    case 'converse-stream':
      return found('bedrock-converse', 'generate', model, true);
    case 'count-tokens':
      return found('bedrock-converse', 'count-tokens', model);
    case 'invoke':
      return found('bedrock-invoke', /(?:^|[./-])embed/.test(model) ? 'embed' : 'generate', model, false);
    case 'invoke-with-response-stream':
      return found('bedrock-invoke', 'generate', model, true);
  }
  return undefined;
}

/** `…/models/M:verb` of Gemini and Vertex, `…/v1internal:verb` of Code Assist. */
function google(path: readonly string[]): Recognised | undefined {
  const last = path.at(-1) ?? '';
  const colon = last.lastIndexOf(':');
  if (colon < 0) return undefined;
  const name = last.slice(0, colon).split('/').at(-1) ?? ''; // an encoded "models/M" is decoded by now
  const model = name === 'v1internal' ? undefined : name;
  const publisher = path.at(-4) === 'publishers' ? path.at(-3) : undefined;
  switch (last.slice(colon + 1)) {
    case 'generateContent':
      return found('gemini', 'generate', model, false);
    case 'streamGenerateContent':
      return found('gemini', 'generate', model, true);
    case 'countTokens':
      return found('gemini', 'count-tokens', model);
    case 'embedContent':
    case 'batchEmbedContents':
      return found('gemini', 'embed', model);
    case 'rawPredict':
      // Vertex counts Claude's tokens under this name, with the model in the body.
      if (model === 'count-tokens') return found('anthropic-messages', 'count-tokens');
      return partner(publisher, model, false);
    case 'streamRawPredict':
      return partner(publisher, model, true);
  }
  return undefined;
}

/** Vertex passes other vendors' bodies through. */
function partner(publisher: string | undefined, model: string | undefined, stream: boolean): Recognised | undefined {
  if (publisher === 'anthropic') return found('anthropic-messages', 'generate', model, stream);
  return publisher === undefined ? undefined : found('openai-chat', 'generate', model, stream);
}

/** Azure's own names and those of its API management. Elsewhere `deployments` is a word like any other and the body rules. */
const AZURE_HOST = /\.azure\.(?:com|us|cn)$|\.azure-api\.(?:net|us|cn)$/;

/** `…/deployments/NAME/…`, in any case, as Azure reads it. */
function deploymentOf(path: readonly string[], { host, providerType }: Address): string | undefined {
  if (providerType !== 'azure' && !AZURE_HOST.test(host)) return undefined;
  const at = path.findIndex((segment) => segment.toLowerCase() === 'deployments');
  return at >= 0 && at + 2 < path.length ? path[at + 1] : undefined;
}

function openai(path: readonly string[], address: Address): Recognised | undefined {
  const known = openaiPath(path, address);
  return known !== undefined && isGoogle(address) ? { ...known, resourceNames: true } : known;
}

function isGoogle({ host, providerType }: Address): boolean {
  return providerType === 'gemini' || providerType === 'vertex' || host.endsWith('.googleapis.com');
}

function openaiPath(sent: readonly string[], address: Address): Recognised | undefined {
  const { providerType } = address;
  const deployment = deploymentOf(sent, address);
  const path = sent.map((segment) => segment.toLowerCase()); // Azure and Ollama's kin do not mind the case
  if (endsWith(path, 'chat', 'completions') || endsWith(path, 'agents', 'completions')) {
    return found('openai-chat', 'generate', deployment);
  }
  switch (path.at(-1)) {
    case 'completions':
      // Mistral's fill-in-the-middle answers as a chat does.
      return found(path.at(-2) === 'fim' ? 'openai-chat' : 'openai-completions', 'generate', deployment);
    case 'responses':
      return found('openai-responses', 'generate');
    case 'embeddings':
      if (isOllama(path, providerType)) return undefined;
      return found('openai-embeddings', 'embed', deployment);
  }
  if (endsWith(path, 'responses', 'input_tokens')) return found('openai-responses', 'count-tokens');
  if (endsWith(path, 'responses', 'compact')) return found('openai-responses', 'generate', undefined, false);
  return undefined;
}

function anthropic(path: readonly string[], { providerType }: Address): Recognised | undefined {
  // Threads and batches have segments of these names too, but behind ids or after them.
  const versioned = path.at(-1) === 'messages' ? path.at(-2) : path.at(-3);
  if (versioned !== 'v1' && providerType !== 'anthropic') return undefined;
  if (endsWith(path, 'messages')) return found('anthropic-messages', 'generate');
  if (endsWith(path, 'messages', 'count_tokens')) return found('anthropic-messages', 'count-tokens');
  return undefined;
}

function cohere(path: readonly string[], { providerType }: Address): Recognised | undefined {
  if (endsWith(path, 'v2', 'chat')) return found('cohere-chat', 'generate');
  if (endsWith(path, 'v2', 'embed') || endsWith(path, 'v1', 'embed')) return found('cohere-embed', 'embed');
  // A base URL may already hold the version.
  if (providerType !== 'cohere' || path.length > 1) return undefined;
  if (path[0] === 'chat') return found('cohere-chat', 'generate');
  return path[0] === 'embed' ? found('cohere-embed', 'embed') : undefined;
}

function ollama(path: readonly string[], { providerType }: Address): Recognised | undefined {
  if (!isOllama(path, providerType)) return undefined;
  switch (path.at(-1)) {
    case 'chat':
    case 'generate':
      return found('ollama', 'generate');
    case 'embed':
    case 'embeddings':
      return found('ollama', 'embed');
  }
  return undefined;
}

/** `/api/…` and no version; other vendors' `/api/v1/…` is OpenAI's dialect. A base URL may already hold the "api". */
function isOllama(path: readonly string[], providerType: string | undefined): boolean {
  if (path.length === 1) return providerType === 'ollama' && path[0] !== 'embeddings';
  return path.at(-2) === 'api';
}
