// SPDX-License-Identifier: Apache-2.0
// Reads the facts of a request from its bytes: the frame that every dialect fills with its own places of model, messages, tools.

import type { Recognised, RequestFacts, TextSpan } from '../dialect.ts';
import { type JsonNode, parseJsonNode } from '../json/node.ts';
import { namedModels, withoutResourcePrefix } from './named-models.ts';
import { TextSpans } from './text-spans.ts';

const MAX_TOOLS = 256;
const MAX_TOOL_NAME = 128;

export interface RequestReading {
  readonly understood: boolean;
  /** Where the body names the model; a model in the path goes before it. */
  readonly model?: JsonNode | undefined;
  /** Further objects beside the root whose `model` a provider may take. */
  readonly modelHolders?: readonly JsonNode[];
  readonly stream: boolean;
  readonly messageCount?: number | undefined;
  readonly tools?: readonly string[];
}

export interface RequestShape {
  /** `root` is an object. */
  read(root: JsonNode): RequestReading;
  spans(root: JsonNode, out: TextSpans): void;
  /** Does the dialect stream unless told otherwise? (Ollama does.) */
  readonly streamsByDefault?: boolean;
  /** The name that rules and rows know, where a dialect writes models in a longer way too. */
  plainModel?(name: string): string;
}

/** Never throws. `body` undefined: too large or undecodable, only the path speaks. */
export function readRequestFacts(recognised: Recognised, body: Buffer | undefined, shape: RequestShape): RequestFacts {
  const root = body === undefined ? undefined : parseJsonNode(body);
  if (root === undefined || !root.isObject) {
    return {
      understood: false,
      model: recognised.pathModel,
      otherModel: undefined,
      stream: recognised.pathStream ?? (recognised.operation === 'generate' && shape.streamsByDefault === true),
      messageCount: undefined,
      toolNames: [],
      modelSpan: undefined,
      textSpans: () => [],
    };
  }
  const reading = shape.read(root);
  const bodyModel = reading.model?.string;
  const holders = [root, ...(reading.modelHolders ?? [])];
  const plain = recognised.resourceNames ? withoutResourcePrefix : shape.plainModel;
  const named = namedModels([recognised.pathModel, bodyModel], holders, plain);
  const inBody = recognised.pathModel === undefined && named.clear && bodyModel ? reading.model : undefined;
  return {
    understood: reading.understood && named.clear,
    model: named.model,
    otherModel: named.otherModel,
    stream: recognised.pathStream ?? reading.stream,
    messageCount: reading.messageCount,
    toolNames: reading.tools ?? [],
    modelSpan: inBody === undefined ? undefined : { start: inBody.start, end: inBody.end },
    textSpans(): readonly TextSpan[] {
      // Scanned again: guardrails ask once, while facts live as long as the answer and should not keep the tape alive.
      const again = body === undefined ? undefined : parseJsonNode(body);
      const out = new TextSpans();
      if (again !== undefined) shape.spans(again, out);
      return out.found;
    },
  };
}

/** Gathers tool names within their bounds. */
export class ToolNames {
  readonly #names: string[] = [];

  get found(): readonly string[] {
    return this.#names;
  }

  add(name: string | undefined): void {
    if (name === undefined || name === '' || this.#names.length >= MAX_TOOLS) return;
    this.#names.push(name.slice(0, MAX_TOOL_NAME));
  }
}

/**
 * Names of a list of tools in the OpenAI, Anthropic, Cohere or Ollama shape. Tools that the provider runs itself have no name of
 * their own there; their type is one. Namespaces (Responses) hold tools in turn.
 */
export function addToolNames(tools: JsonNode | undefined, into: ToolNames): void {
  tools?.elements((tool) => {
    const name = tool.get('name') ?? tool.get('function')?.get('name') ?? tool.get('custom')?.get('name');
    into.add(name?.string ?? tool.get('server_label')?.string ?? tool.get('type')?.string);
    if (tool.get('type')?.string === 'namespace') addToolNames(tool.get('tools'), into);
  });
}

export function toolNames(tools: JsonNode | undefined): readonly string[] {
  const names = new ToolNames();
  addToolNames(tools, names);
  return names.found;
}
