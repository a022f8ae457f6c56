// SPDX-License-Identifier: Apache-2.0
// The vocabulary of translation losses: what a request or answer had that another wire protocol cannot say. Codes stand in headers,
// rows and metrics, so the list is closed; docs/reference/losses.md explains each and a test keeps both equal.

/**
 * `essential`: the answer would not be what was asked for, so the target is skipped before it is tried. `advisory`: the answer
 * is as good, but something was dropped, added or approximated; it is recorded and named in `x-outpost-loss`.
 */
export type LossSeverity = 'essential' | 'advisory';

export const LOSSES = {
  // What only the addressed provider can do.
  'server-tool': 'essential',
  'stored-state': 'essential',
  'file-reference': 'essential',
  'cached-content': 'essential',
  compaction: 'essential',
  'custom-tool': 'essential',
  'several-choices': 'essential',
  logprobs: 'essential',
  audio: 'essential',
  video: 'essential',
  'output-modality': 'essential',
  'predicted-output': 'essential',
  // What the target protocol or model cannot take.
  'image-url': 'essential',
  'document-url': 'essential',
  'no-images': 'essential',
  'no-documents': 'essential',
  'no-tools': 'essential',
  'no-json-schema': 'essential',
  'tool-choice': 'essential',
  'context-too-long': 'essential',
  'media-type': 'essential',
  // What cannot be read well enough to be translated.
  'not-understood': 'essential',
  'unknown-part': 'essential',
  'tool-pairing': 'essential',
  prefill: 'essential',
  // Dropped, added or approximated.
  'unknown-field': 'advisory',
  'unknown-event': 'advisory',
  'reasoning-dropped': 'advisory',
  'reasoning-effort': 'advisory',
  'reasoning-unsupported': 'advisory',
  'state-unavailable': 'advisory',
  'cache-control': 'advisory',
  'cache-key': 'advisory',
  seed: 'advisory',
  penalties: 'advisory',
  'logit-bias': 'advisory',
  temperature: 'advisory',
  'top-p': 'advisory',
  'top-k': 'advisory',
  'stop-sequences': 'advisory',
  'max-tokens-added': 'advisory',
  'max-tokens-lowered': 'advisory',
  'max-tokens-raised': 'advisory',
  'system-position': 'advisory',
  'tool-strict': 'advisory',
  'tool-name': 'advisory',
  'tool-stub': 'advisory',
  'parallel-tools': 'advisory',
  'json-object-mode': 'advisory',
  'schema-simplified': 'advisory',
  'image-detail': 'advisory',
  verbosity: 'advisory',
  user: 'advisory',
  metadata: 'advisory',
  'service-tier': 'advisory',
  store: 'advisory',
  'safety-settings': 'advisory',
  'participant-name': 'advisory',
  'document-name': 'advisory',
  'refusal-as-text': 'advisory',
  citations: 'advisory',
  'stream-options': 'advisory',
  'tool-error-flag': 'advisory',
  'tool-result-media': 'advisory',
  include: 'advisory',
  truncation: 'advisory',
} as const satisfies Readonly<Record<string, LossSeverity>>;

export type LossCode = keyof typeof LOSSES;

export interface Loss {
  readonly code: LossCode;
  /** Where in the source document: a JSON pointer, at most 128 characters, keys only as far as the dialect knows them. Never a value. */
  readonly at: string;
}

export function isEssential(loss: Loss): boolean {
  return LOSSES[loss.code] === 'essential';
}
