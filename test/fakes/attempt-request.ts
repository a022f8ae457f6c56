// SPDX-License-Identifier: Apache-2.0
// Providers of each type and requests to them, for tests of what goes out. Owns no sockets.

import assert from 'node:assert/strict';
import type { DialectId } from '../../src/proxy/dialects/dialect.ts';
import { editMembers, memberTexts } from '../../src/proxy/dialects/json/edit.ts';
import type { Provider, ProviderKey, Secret } from '../../src/proxy/policy/policy.ts';
import { baseOf, PROVIDER_TYPES, type ProviderType } from '../../src/proxy/upstream/provider-types.ts';
import {
  type AttemptRequest,
  buildRequest,
  type CallerShape,
  type Outgoing,
} from '../../src/proxy/upstream/transport.ts';

export interface ProviderSetup {
  readonly baseUrl?: string;
  readonly placement?: NonNullable<Provider['placement']>;
  readonly secrets?: readonly Secret[];
}

export function providerOf(type: ProviderType, { baseUrl, placement, secrets = [] }: ProviderSetup = {}): Provider {
  const info = PROVIDER_TYPES[type];
  const url = baseUrl ?? info.defaultBaseUrl;
  const [first, ...others] = secrets.map((secret, at): ProviderKey => ({ name: `key-${at + 1}`, weight: 1, secret }));
  return {
    name: type,
    type,
    base: url === undefined ? { scheme: 'https', host: '', port: 443, basePath: '' } : baseOf(type, url),
    credential: first === undefined ? { kind: 'none' } : { kind: 'keys', keys: [first, ...others] },
    hosts: info.hosts,
    keepHost: baseUrl === undefined,
    ...(placement === undefined ? {} : { placement }),
  };
}

export function callerOf(dialect: DialectId, rest: Partial<CallerShape> = {}): CallerShape {
  return { dialect, operation: 'generate', pathModel: undefined, pathStream: undefined, path: '/', ...rest };
}

export type Asked = Partial<AttemptRequest> & Pick<AttemptRequest, 'provider' | 'dialect' | 'model'>;

/** A request with the provider's first key, from a caller of the same dialect unless said otherwise. */
export function requestOf(asked: Asked): Outgoing {
  const { credential } = asked.provider;
  return buildRequest(
    {
      key: credential.kind === 'keys' ? credential.keys[0] : undefined,
      operation: 'generate',
      stream: false,
      body: Buffer.from(JSON.stringify({ model: asked.model })),
      callerDialect: asked.dialect,
      callerHeaders: [],
      callerTarget: '/?alt=sse',
      now: Date.UTC(2030, 0, 2, 3, 4, 5),
      ...asked,
    },
    { editMembers, memberTexts },
  );
}

export function headersOf({ headers }: Outgoing): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    assert.ok(!map.has(headers[at] ?? ''), `${headers[at]} twice`);
    map.set(headers[at] ?? '', headers[at + 1] ?? '');
  }
  return map;
}
