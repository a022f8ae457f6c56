// SPDX-License-Identifier: Apache-2.0
// A path of the contract as the router writes it.

/** `/v1/o/{org}` becomes `/v1/o/:org`. */
export function routePath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
