// SPDX-License-Identifier: Apache-2.0
// The codec of Bedrock Converse.

import type { Codec } from '../../hub/codec.ts';
import { createConverseDecoder } from './decode-answer.ts';
import { decodeConverseRequest } from './decode-request.ts';
import { createConverseEncoder } from './encode-answer.ts';
import { encodeConverseRequest } from './encode-request.ts';

export const bedrockConverseCodec: Codec = {
  dialect: 'bedrock-converse',
  shows: { reasoningText: true },
  decodeRequest: decodeConverseRequest,
  encodeRequest: encodeConverseRequest,
  createDecoder: createConverseDecoder,
  createEncoder: createConverseEncoder,
};
