// SPDX-License-Identifier: Apache-2.0
// What can be said of a governed call whose dialect is not known (images, audio, vendors' own APIs): a JSON object's `model` and
// `stream`, since model rules must hold there too. Recorded as not understood where even that is missing.

import type { RequestFacts } from './dialect.ts';
import { parseJsonNode } from './json/node.ts';

/** As for every other dialect. */
const MAX_MODEL = 256;

export function readUnknown(body: Buffer | undefined, contentType: string | undefined): RequestFacts {
  const nothing: RequestFacts = {
    understood: false,
    model: undefined,
    stream: false,
    messageCount: undefined,
    toolNames: [],
    modelSpan: undefined,
    textSpans: () => [],
  };
  if (body === undefined || body.length === 0 || !/\bjson\b/i.test(contentType ?? '')) return nothing;
  const root = parseJsonNode(body);
  const named = root?.get('model');
  const model = named?.string;
  if (model === undefined || model.length > MAX_MODEL) return nothing;
  return { ...nothing, understood: true, model, stream: root?.get('stream')?.isTrue ?? false };
}
