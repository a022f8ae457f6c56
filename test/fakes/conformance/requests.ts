// SPDX-License-Identifier: Apache-2.0
// A request in a form in which the caller's and the one read back from another dialect must be equal, but for what a loss
// names.

import type {
  DocumentPart,
  HubRequest,
  ImagePart,
  Message,
  OutputFormat,
  Part,
  Reasoning,
  Tool,
} from '../../../src/proxy/dialects/hub/hub.ts';
import type { LossCode } from '../../../src/proxy/dialects/hub/loss.ts';
import { callsById } from '../../../src/proxy/dialects/hub/turns.ts';
import { parseValue } from '../../../src/proxy/dialects/json/values.ts';

/**
 * `losses`: what was named, and so may differ. Not compared at all: the model, streaming (it may stand in the path), the name of a
 * JSON schema (a label), and how much is thought, which dialects say in words or tokens.
 */
export function canonicalRequest(
  request: HubRequest,
  losses: ReadonlySet<LossCode>,
  names: ReadonlyMap<string, string>,
  thinksUnasked: boolean,
) {
  const without = <T>(code: LossCode, value: T): T | undefined => (losses.has(code) ? undefined : value);
  const moved = losses.has('tool-result-media');
  return {
    messages: canonicalMessages(moved ? request.messages.map(withoutMedia) : request.messages, losses, names),
    media: moved ? mediaOf(request.messages) : [],
    ...canonicalTools(request, losses, names),
    sequentialTools: without('parallel-tools', request.parallelTools === false),
    output: losses.has('json-object-mode') ? undefined : canonicalOutput(request.output, losses),
    reasoning:
      losses.has('reasoning-effort') || losses.has('reasoning-unsupported')
        ? ''
        : thinks(request.reasoning, thinksUnasked),
    maxOutputTokens:
      losses.has('max-tokens-added') || losses.has('max-tokens-lowered') ? undefined : request.maxOutputTokens,
    temperature: without('temperature', request.temperature),
    topP: without('top-p', request.topP),
    topK: without('top-k', request.topK),
    stop: without('stop-sequences', request.stop),
    seed: without('seed', request.seed),
    penalties: without('penalties', [request.presencePenalty, request.frequencyPenalty]),
    cacheKey: without('cache-key', request.cacheKey),
    user: without('user', request.user),
    verbosity: without('verbosity', request.verbosity),
  };
}

function thinks(reasoning: Reasoning | undefined, unasked: boolean): string {
  if (reasoning === undefined) return unasked ? 'unsaid' : 'off';
  return reasoning.effort === 'none' ? 'off' : 'on';
}

/** Media of results may stand beside them or in a message of their own, with words that say to which they belong. */
function withoutMedia(message: Message): Message {
  const results = message.parts.filter((part) => part.kind === 'tool-result');
  const hasMedia = message.parts.some(({ kind }) => isMedia(kind));
  if (results.length === 0) return hasMedia ? { ...message, parts: [] } : message;
  return {
    ...message,
    parts: results.map((part) => ({ ...part, parts: part.parts.filter(({ kind }) => !isMedia(kind)) })),
  };
}

function isMedia(kind: Part['kind']): boolean {
  return kind === 'image' || kind === 'document';
}

function mediaOf(messages: readonly Message[]): readonly string[] {
  return messages
    .flatMap(({ parts }) =>
      parts.flatMap((part): readonly Part[] => (part.kind === 'tool-result' ? part.parts : [part])),
    )
    .flatMap((part) => (part.kind === 'image' || part.kind === 'document' ? JSON.stringify(part.source) : []));
}

/**
 * "auto" is what all dialects do unasked. A dialect without a word for it offers no tools for "none", and only the one that must be
 * called for a choice by name.
 */
function canonicalTools(request: HubRequest, losses: ReadonlySet<LossCode>, names: ReadonlyMap<string, string>) {
  const choice = request.toolChoice;
  const tools = request.tools.map((tool) => canonicalTool(tool, losses, names));
  if (choice === undefined || choice.kind === 'auto') return { tools };
  if (choice.kind === 'none') return { tools: [] };
  const [first, second] = request.tools;
  const only = choice.kind === 'tool' ? choice.name : second === undefined ? first?.name : undefined;
  const name = only === undefined ? undefined : (names.get(only) ?? only);
  return { mustCall: name ?? 'any', tools: tools.filter((tool) => name === undefined || tool.name === name) };
}

function canonicalOutput(output: OutputFormat | undefined, losses: ReadonlySet<LossCode>) {
  if (output?.kind !== 'json-schema') return output;
  return { kind: 'json-schema', schema: losses.has('schema-simplified') ? '' : JSON.stringify(output.schema) };
}

/** Schemas as text: the order of their keys counts. No parameters and an empty object of them are the same. */
function canonicalTool(tool: Tool, losses: ReadonlySet<LossCode>, names: ReadonlyMap<string, string>) {
  const { parameters } = tool;
  const none = parameters === undefined || Object.keys(Object(parameters['properties'])).length === 0;
  return {
    name: names.get(tool.name) ?? tool.name,
    description: tool.description ?? '',
    parameters: none || losses.has('schema-simplified') ? '' : JSON.stringify(parameters),
    strict: losses.has('tool-strict') ? '' : tool.strict === true,
    cache: losses.has('cache-control') ? '' : tool.cache !== undefined,
  };
}

/** Neighbours of one role are one; line breaks between joined texts are the encoder's own. */
function canonicalMessages(
  messages: readonly Message[],
  losses: ReadonlySet<LossCode>,
  names: ReadonlyMap<string, string>,
) {
  const calls = callsById(messages);
  const numbers = new Map([...calls.keys()].map((id, at) => [id, `call ${at}`]));
  const out: { role: string; parts: unknown[]; text: string }[] = [];
  for (const message of messages) {
    const moved = message.role === 'system' && losses.has('system-position') && out.length > 0;
    const role =
      losses.has('system-position') && messages.every((one) => one.role === 'system') ? 'user' : message.role;
    const name = losses.has('participant-name') ? undefined : message.name;
    const speaker = `${moved ? 'user' : role}${name === undefined ? '' : ` ${name}`}`;
    let last = out.at(-1);
    if (last?.role !== speaker) {
      last = { role: speaker, parts: [], text: '' };
      out.push(last);
    }
    for (const part of message.parts) {
      const made = canonicalPart(part, losses, names, numbers, calls);
      if (made === undefined) continue;
      const before = last.parts.at(-1);
      const joined = typeof made === 'string' && typeof before === 'string';
      if (joined) last.parts[last.parts.length - 1] = before + made;
      else last.parts.push(made);
    }
  }
  return out.filter(({ parts }) => parts.length > 0).map(({ role, parts }) => ({ role, parts }));
}

function canonicalPart(
  part: Part,
  losses: ReadonlySet<LossCode>,
  names: ReadonlyMap<string, string>,
  numbers: ReadonlyMap<string, string>,
  calls: ReadonlyMap<string, { readonly name: string }>,
): unknown {
  const cache = 'cache' in part && part.cache !== undefined && !losses.has('cache-control') ? { cache: true } : {};
  switch (part.kind) {
    case 'text': {
      const words = part.text.replace(/\n+/g, '');
      return 'cache' in cache ? { text: words, ...cache } : words;
    }
    case 'refusal':
      return losses.has('refusal-as-text') ? part.text : { refusal: part.text };
    case 'reasoning':
      return losses.has('reasoning-dropped') || losses.has('state-unavailable') ? undefined : { reasoning: part.text };
    case 'image':
    case 'document': {
      const { source } = part;
      const words = wordsOf(part);
      if (words !== undefined) return words;
      const own = part.kind === 'document' && !losses.has('document-name') ? part.name : undefined;
      const name = own === undefined || MADE_UP_NAME.test(own) ? undefined : own;
      const detail = part.kind === 'image' && part.detail !== 'auto' ? part.detail : undefined;
      return { kind: part.kind, source: source.kind === 'url' ? source.url : source, name, detail, ...cache };
    }
    case 'tool-call': {
      const name = names.get(part.name) ?? part.name;
      return { call: numbers.get(part.id), name, args: part.args === '' ? {} : parseValue(part.args), ...cache };
    }
    case 'tool-result':
      return {
        answers: numbers.get(part.id),
        name: names.get(part.name ?? '') ?? calls.get(part.id)?.name,
        failed: losses.has('tool-error-flag') ? '' : part.isError,
        parts: part.parts
          .map((one) => canonicalPart(one, losses, names, numbers, calls))
          .filter((one) => one !== undefined && one !== ''),
      };
  }
}

/** Some dialects want a name, and get this one. */
const MADE_UP_NAME = /^document(?:\.pdf)?$/;

/** A document of text is the same as its text. */
function wordsOf(part: ImagePart | DocumentPart): string | undefined {
  const { source } = part;
  if (source.kind === 'text') return source.text;
  const isText = source.kind === 'base64' && source.mediaType === 'text/plain';
  return isText ? Buffer.from(source.data, 'base64').toString() : undefined;
}
