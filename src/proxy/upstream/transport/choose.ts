// SPDX-License-Identifier: Apache-2.0
// Which wire protocol an attempt of a chain speaks to its target: the caller's own where the target takes it, else the target's best.
// Pure. Must not know health, losses or how requests are written.

import type { DialectId, Operation, Recognised } from '../../dialects/dialect.ts';
import type { Provider } from '../../policy/policy.ts';
import type { Spoken } from '../provider-types/provider-type.ts';
import { CLAUDE } from '../provider-types/spoken.ts';
import { PROVIDER_TYPES } from '../provider-types/table.ts';
import { addressOf, isSegment, operationPath } from './path.ts';

/** What is known of the caller's request. */
export type CallerShape = Pick<Recognised, 'dialect' | 'operation' | 'pathModel' | 'pathStream'> & {
  /** As sent, without the query; the dialects do not tell these operations apart, but only the addressed provider has them. */
  readonly path: string;
};

export interface ChosenDialect {
  readonly dialect: DialectId;
  /** The caller's bytes can go out, but for splices; so can the answer's, but for the frames around them. */
  readonly same: boolean;
}

/** With a codec (dialects/…/codec): they can be translated into each other. */
const TRANSLATED: ReadonlySet<DialectId> = new Set([
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'cohere-chat',
  'ollama',
]);

/** Operations of one provider alone that are recognised as the dialect they resemble. */
const ONE_PROVIDER_ONLY =
  /\/(?:(?:fim|agents)\/completions|responses\/compact|generate|v1internal:[^/]*|publishers\/(?!anthropic\/)[^/]+\/models\/[^/]*:(?:r|streamR)awPredict)\/*$/i;

/** The spoken protocol of a provider for a model, if there is a path for the operation. */
export function spokenFor(
  provider: Provider,
  dialect: DialectId,
  operation: Operation,
  model: string,
): Spoken | undefined {
  return PROVIDER_TYPES[provider.type].speaks.find((spoken) => {
    if (spoken.dialect !== dialect || spoken.models?.test(model) === false) return false;
    const path = operationPath(provider, spoken, operation, false);
    return path !== undefined && (!path.includes('{model}') || isSegment(model));
  });
}

/** Is a body of `caller` one of `dialect`, apart from what the URL says? */
export function isSameWire(caller: DialectId, dialect: DialectId): boolean {
  const anthropic = (id: DialectId) => id === 'anthropic-messages' || id === 'bedrock-invoke';
  return caller === dialect || (anthropic(caller) && anthropic(dialect));
}

/** InvokeModel carries whatever body the model's vendor thought of: only Anthropic's is known to be that of other models too. */
function bodyFits(caller: CallerShape, dialect: DialectId, model: string): boolean {
  if (caller.dialect !== 'bedrock-invoke' && dialect !== 'bedrock-invoke') return true;
  if (caller.dialect === 'bedrock-invoke' && dialect === 'bedrock-invoke' && caller.pathModel === model) return true;
  const callerIsClaude = caller.dialect === 'anthropic-messages' || CLAUDE.test(caller.pathModel ?? '');
  return callerIsClaude && CLAUDE.test(model);
}

/**
 * The same protocol first; Anthropic's inside Bedrock's InvokeModel and Vertex' rawPredict counts as the same. undefined: the
 * provider cannot do it (embeddings and token counts are never translated), or it has no address to build a path on.
 * @param model the provider's name for the model
 */
export function dialectFor(provider: Provider, caller: CallerShape, model: string): ChosenDialect | undefined {
  if (addressOf(provider) === undefined || ONE_PROVIDER_ONLY.test(caller.path)) return undefined;
  const { speaks } = PROVIDER_TYPES[provider.type];
  // Its own name for it before a relative's: Bedrock has both frames for Claude.
  const wires = [...speaks.filter(({ dialect }) => dialect === caller.dialect), ...speaks];
  const same = wires.find(
    ({ dialect }) =>
      isSameWire(caller.dialect, dialect) &&
      bodyFits(caller, dialect, model) &&
      spokenFor(provider, dialect, caller.operation, model) !== undefined,
  );
  if (same !== undefined) return { dialect: same.dialect, same: true };
  // InvokeModel's bodies are known for Claude only; then they are Anthropic's.
  const known =
    TRANSLATED.has(caller.dialect) || (caller.dialect === 'bedrock-invoke' && CLAUDE.test(caller.pathModel ?? ''));
  if (caller.operation !== 'generate' || !known) return undefined;
  const other = speaks.find(
    ({ dialect }) => TRANSLATED.has(dialect) && spokenFor(provider, dialect, 'generate', model) !== undefined,
  );
  return other === undefined ? undefined : { dialect: other.dialect, same: false };
}
