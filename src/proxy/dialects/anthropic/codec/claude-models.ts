// SPDX-License-Identifier: Apache-2.0
// What a Claude model's name tells about the shape of its requests, at Anthropic, Bedrock and Vertex alike.

/** First version that takes `thinking: adaptive`; the versions after it refuse `enabled` with a budget (Anthropic, adaptive thinking). */
const ADAPTIVE_SINCE = 4.06;

export function isClaude(model: string): boolean {
  return /claude/i.test(model);
}

/** 4.5 is 4.05, so that 4.10 comes after it. 0: older than 4, or not known. */
function versionOf(model: string): number {
  // claude-opus-4-6, claude-fable-5, us.anthropic.claude-sonnet-4-6-v1:0, anthropic/claude-opus-4.7; a date is no version.
  const version = /claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/i.exec(model);
  return version === null ? 0 : Number(version[1]) + Number(version[2] ?? 0) / 100;
}

/** Does the model decide itself how much it thinks? False for older and for unknown models. */
export function thinksAdaptively(model: string): boolean {
  return versionOf(model) >= ADAPTIVE_SINCE;
}

/** Is a member taken for this model? `since`: of a quirk's members the first version of Claude that may have them, by name. */
export function takesMember(since: Readonly<Record<string, number>> | undefined, name: string, model: string): boolean {
  if (since === undefined || !Object.hasOwn(since, name)) return true;
  return versionOf(model) >= (since[name] ?? 0);
}
