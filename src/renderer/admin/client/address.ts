// SPDX-License-Identifier: Apache-2.0
// From an endpoint and what it is called with to its address. Pure.

import { ADMIN_API, ADMIN_ENDPOINTS, type AdminEndpointName } from '../../../contract/admin/endpoints.ts';
import type { CallOf } from './admin-client.ts';

/** Members that are undefined or '' are left out: an empty field asks for nothing. */
export function queryText(query: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => [name, String(value)]);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

/** Path and query below the server's root. */
export function addressOf<N extends AdminEndpointName>(name: N, call: CallOf<N>): string {
  const { query = {}, ...parts } = call as { readonly query?: Readonly<Record<string, unknown>> } & Record<
    string,
    unknown
  >;
  const path = ADMIN_ENDPOINTS[name].path.replace(/\{(\w+)\}/g, (_, part: string) =>
    encodeURIComponent(String(parts[part])),
  );
  return `${ADMIN_API}${path}${queryText(query)}`;
}
