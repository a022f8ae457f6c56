// SPDX-License-Identifier: Apache-2.0
// What can be said of a governed call whose dialect is not known (images, audio, vendors' own APIs): a model in the path, a JSON
// object's `model` and `stream`, since model rules must hold there too. Recorded as not understood where even that is missing.

import type { RequestFacts } from './dialect.ts';
import { parseJsonNode } from './json/node.ts';
import { type Address, namesNoModel, pathModelOf } from './recognise.ts';
import { namedModels, withoutResourcePrefix } from './shared/named-models.ts';

export function readUnknown(body: Buffer | undefined, contentType: string | undefined, address: Address): RequestFacts {
  const pathModel = pathModelOf(address);
  const nothing: RequestFacts = {
    understood: false,
    model: pathModel,
    otherModel: undefined,
    stream: false,
    messageCount: undefined,
    toolNames: [],
    modelSpan: undefined,
    textSpans: () => [],
  };
  if (body === undefined || body.length === 0 || !/\bjson\b/i.test(contentType ?? '')) return nothing;
  const root = parseJsonNode(body);
  if (root === undefined) return nothing;
  const { model, otherModel, clear } = namedModels(
    [pathModel, root.get('model')?.string],
    [root],
    withoutResourcePrefix,
  );
  const understood = clear && (model !== undefined || (root.isObject && namesNoModel(address)));
  return { ...nothing, understood, model, otherModel, stream: root.get('stream')?.isTrue ?? false };
}
