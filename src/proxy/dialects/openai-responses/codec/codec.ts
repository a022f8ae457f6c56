// SPDX-License-Identifier: Apache-2.0
// The Responses API's part in translation.

import type { Codec } from '../../hub/codec.ts';
import { createDecoder } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { createEncoder } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';

export const responsesCodec: Codec = {
  dialect: 'openai-responses',
  shows: { reasoningText: true },
  decodeRequest: (_recognised, body) => decodeRequest(body),
  encodeRequest,
  createDecoder,
  createEncoder,
};
