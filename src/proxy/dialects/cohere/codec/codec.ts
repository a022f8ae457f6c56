// SPDX-License-Identifier: Apache-2.0
// Cohere's v2 chat in translation.

import type { Codec } from '../../hub/codec.ts';
import { createDecoder } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { createEncoder } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';

export const cohereCodec: Codec = {
  dialect: 'cohere-chat',
  shows: { reasoningText: true },
  decodeRequest: (_recognised, body) => decodeRequest(body),
  encodeRequest,
  createDecoder,
  createEncoder,
};
