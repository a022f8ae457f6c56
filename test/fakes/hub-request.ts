// SPDX-License-Identifier: Apache-2.0
// A hub request and model facts that say nothing, for tests of codecs to build on.

import type { ModelFacts } from '../../src/proxy/dialects/hub/codec.ts';
import type { HubRequest } from '../../src/proxy/dialects/hub/hub.ts';

export const EMPTY_REQUEST: HubRequest = {
  model: 'm',
  stream: false,
  streamUsage: true,
  messages: [],
  tools: [],
  toolChoice: undefined,
  parallelTools: undefined,
  output: undefined,
  reasoning: undefined,
  maxOutputTokens: undefined,
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  stop: [],
  seed: undefined,
  presencePenalty: undefined,
  frequencyPenalty: undefined,
  cacheKey: undefined,
  user: undefined,
  verbosity: undefined,
};

export const NO_FACTS: ModelFacts = {
  contextTokens: undefined,
  outputTokens: undefined,
  images: undefined,
  documents: undefined,
  tools: undefined,
  reasoning: undefined,
  jsonSchema: undefined,
  temperature: undefined,
};
