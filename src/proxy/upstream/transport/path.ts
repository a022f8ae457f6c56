// SPDX-License-Identifier: Apache-2.0
// The URL of an attempt: the target's base address and the path of the spoken protocol with model and place filled in. Pure.

import type { Operation } from '../../dialects/dialect.ts';
import type { Provider } from '../../policy/policy.ts';
import { placedBase } from '../provider-types/address.ts';
import type { Spoken } from '../provider-types/provider-type.ts';

/** Where the provider is reached; undefined: only intercepted calls know (no `base_url`, no place in its cloud). */
export function addressOf(provider: Provider): Provider['base'] | undefined {
  return provider.base.host === '' ? placedBase(provider.type, provider.placement) : provider.base;
}

/** Paths of Azure's deployments, for those who name an `api_version`; the v1 paths need none. */
const DEPLOYMENTS: Readonly<Partial<Record<Spoken['dialect'], string>>> = {
  'openai-chat': '/openai/deployments/{model}/chat/completions?api-version={apiVersion}',
  'openai-embeddings': '/openai/deployments/{model}/embeddings?api-version={apiVersion}',
  'openai-responses': '/openai/responses?api-version={apiVersion}',
};

/** The path with its places still open; undefined: there is none, or the configuration does not say what belongs into it. */
export function operationPath(
  provider: Provider,
  spoken: Spoken,
  operation: Operation,
  stream: boolean,
): string | undefined {
  const { project, location, apiVersion } = provider.placement ?? {};
  const own =
    operation === 'generate'
      ? ((stream ? spoken.stream : undefined) ?? spoken.generate)
      : operation === 'embed'
        ? spoken.embed
        : spoken.countTokens;
  if (own === undefined) return undefined;
  const path = provider.type === 'azure' && apiVersion !== undefined ? (DEPLOYMENTS[spoken.dialect] ?? own) : own;
  const missing =
    (path.includes('{project}') && project === undefined) || (path.includes('{location}') && location === undefined);
  return missing ? undefined : path;
}

/** Percent-encoded for one path segment; `@` (versions of Vertex' models) stays, as the vendors' SDKs send it. */
function segment(text: string): string {
  // Half a surrogate pair, which JSON may hold, would throw.
  return encodeURIComponent(text.toWellFormed()).replaceAll('%40', '@');
}

/** May the caller's name for a model become a path segment? `..` would lead our credential to another path of the host. */
export function isSegment(model: string): boolean {
  return model !== '' && model !== '.' && model !== '..';
}

/** Fills in the places of a path that `operationPath` gave. */
export function filledPath(provider: Provider, path: string, model: string): string {
  const { project = '', location = '', apiVersion = '' } = provider.placement ?? {};
  const values: Readonly<Record<string, string>> = { model, project, location, apiVersion };
  return path.replace(/\{(\w+)\}/g, (_, name: string) => segment(values[name] ?? ''));
}
