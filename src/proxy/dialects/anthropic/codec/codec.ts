// SPDX-License-Identifier: Apache-2.0
// The codec of Anthropic Messages.

import type { Codec } from '../../hub/codec.ts';
import { createAnthropicDecoder } from './decode-answer.ts';
import { decodeAnthropicRequest } from './decode-request.ts';
import { createAnthropicEncoder } from './encode-answer.ts';
import { encodeAnthropicRequest } from './encode-request.ts';

export const anthropicCodec: Codec = {
  dialect: 'anthropic-messages',
  shows: { reasoningText: true },
  decodeRequest: decodeAnthropicRequest,
  encodeRequest: (request, target) => encodeAnthropicRequest('anthropic', request, target),
  createDecoder: createAnthropicDecoder,
  createEncoder: (options) => createAnthropicEncoder(options),
};
