// SPDX-License-Identifier: Apache-2.0
// Anthropic's tools that are loaded on demand (`defer_loading`): the model sees one only after a search tool of the caller has named it in
// a `tool_reference`. Elsewhere the same comes of declaring just those that were named. Source: Anthropic, tool search tool, custom search.

import { asArray, asObject, asString } from '../../json/values.ts';

/** Tools that the history has loaded, or called, and the one that `tool_choice` names. */
export function loadedTools(messages: unknown, chosen: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (name: unknown): void => {
    if (typeof name === 'string') names.add(name);
  };
  add(chosen);
  for (const message of asArray(messages)) {
    for (const value of asArray(asObject(message)?.['content'])) {
      const block = asObject(value);
      if (block?.['type'] === 'tool_use') add(block['name']);
      for (const inner of asArray(block?.['content'])) {
        const reference = asObject(inner);
        if (reference?.['type'] === 'tool_reference') add(reference['tool_name']);
      }
    }
  }
  return names;
}

/** What a reference says where nothing is loaded by it. `name`: of the tool. */
export function referenceText(name: unknown): string {
  return `The tool ${asString(name) ?? ''} is available now.`;
}
