// SPDX-License-Identifier: Apache-2.0
// One of the provider's own keys as headers of a finished request. A key that is not the provider's, or that the provider's type has no
// use for, is refused here, whatever went wrong before. Pure.

import { assertNever } from '../../../contract/assert-never.ts';
import { OutpostError } from '../../../contract/errors.ts';
import { signV4 } from '../../../protocol/sigv4.ts';
import type { Provider, ProviderKey } from '../../policy/policy.ts';
import type { UpstreamTarget } from '../provider-types/address.ts';
import { authHeader } from '../provider-types/credential.ts';
import type { AuthScheme } from '../provider-types/provider-type.ts';

export interface Authorisation {
  readonly provider: Provider;
  /** undefined: nothing is added. */
  readonly key: ProviderKey | undefined;
  readonly scheme: AuthScheme;
  /** The bearer token of a service account's key (google-token.ts). */
  readonly token: string | undefined;
  readonly place: UpstreamTarget;
  /** Those of the request; of them `host` and `content-type` are signed. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Wall time, milliseconds. */
  readonly now: number;
}

/** bedrock-runtime.REGION.amazonaws.com */
const REGION_IN_HOST = /^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./;

/** @throws OutpostError OUT_INTERNAL, without the key, when it must not or cannot go to this provider. */
export function authorise(input: Authorisation): readonly (readonly [string, string])[] {
  const { provider, key, token } = input;
  if (key === undefined) return [];
  if (provider.credential.kind !== 'keys' || !provider.credential.keys.includes(key)) {
    throw new OutpostError('OUT_INTERNAL', `a key that is not one of ${provider.name}`);
  }
  const { secret } = key;
  switch (secret.kind) {
    case 'text':
      return [authHeader(input.scheme, secret.value)];
    case 'google':
      if (provider.type !== 'vertex' && provider.type !== 'gemini') break;
      if (token === undefined) throw new OutpostError('OUT_INTERNAL', `no token for ${provider.name}`);
      return [authHeader('bearer', token)];
    case 'aws': {
      const region = provider.placement?.region ?? REGION_IN_HOST.exec(input.place.host)?.[1];
      if (provider.type !== 'bedrock' || region === undefined) break;
      return signV4(
        {
          method: 'POST',
          path: input.place.path,
          headers: input.headers.filter(([name]) => name === 'host' || name === 'content-type'),
          body: input.body,
          region,
          service: 'bedrock',
          now: input.now,
        },
        secret,
      );
    }
    default:
      return assertNever(secret);
  }
  throw new OutpostError('OUT_INTERNAL', `${provider.name} has no use for a key of kind ${secret.kind}`);
}
