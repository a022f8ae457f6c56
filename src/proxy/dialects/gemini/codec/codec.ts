// SPDX-License-Identifier: Apache-2.0
// Gemini's generateContent as a codec of the hub.

import type { Codec } from '../../hub/codec.ts';
import { createDecoder } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { createEncoder } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';

export const geminiCodec: Codec = {
  dialect: 'gemini',
  shows: { reasoningText: true },
  decodeRequest,
  encodeRequest,
  createDecoder,
  createEncoder,
};
