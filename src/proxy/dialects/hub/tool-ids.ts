// SPDX-License-Identifier: Apache-2.0
// Ids of tool calls on their way from a provider to a caller of another dialect: every dialect takes what this lets through. Pure but
// for the randomness that it is given.

/** The narrowest of the dialects' rules (Anthropic, Bedrock: these characters, at most 64; OpenAI's chat: at most 40). */
const FIT = /^[A-Za-z0-9_-]{1,40}$/;

/** What stands beside `call_` in 40 characters. */
const FRESH = 35;

/** One per answer. The same id comes out for the same id in; two never meet. `fresh` gives random text of such characters. */
export function createToolIds(fresh: () => string): (id: string) => string {
  const given = new Map<string, string>();
  const taken = new Set<string>();
  return (id) => {
    const known = given.get(id);
    if (known !== undefined) return known;
    // Made-up ids (`call_0`) would repeat from answer to answer, and a conversation must be able to tell them apart.
    const out =
      FIT.test(id) && !/^call_\d{1,4}(?:_\d{1,4})?$/.test(id) && !taken.has(id)
        ? id
        : `call_${fresh().slice(0, FRESH)}`;
    given.set(id, out);
    taken.add(out);
    return out;
  };
}
