// SPDX-License-Identifier: Apache-2.0
// The smallest question, and a target of which nothing is known, for tests of codecs.

import type { EncodeTarget } from '../../src/proxy/dialects/hub/codec.ts';
import type { HubRequest } from '../../src/proxy/dialects/hub/hub.ts';
import { EMPTY_REQUEST, NO_FACTS } from './hub-request.ts';

export const QUESTION: HubRequest = {
  ...EMPTY_REQUEST,
  model: 'asked',
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }],
};

export const TARGET: EncodeTarget = {
  model: 'gpt-x',
  facts: NO_FACTS,
  quirks: {},
  defaultMaxTokens: 4096,
  mayUseOpaque: false,
};
