// SPDX-License-Identifier: Apache-2.0
// Which page an address names. The part after `#` is used, so that the daemon serves one page only. Pure.

export const PAGES = ['overview', 'usage', 'activity', 'recorded', 'diagnostics', 'about'] as const;
export type PageName = (typeof PAGES)[number];

export interface Route {
  readonly page: PageName;
  /** On `activity`: the call that is shown in full, by its id. */
  readonly call?: string;
}

/** Unknown addresses lead to the overview. */
export function routeOf(hash: string): Route {
  const page = PAGES.find((name) => hash === hashOf(name));
  if (page !== undefined) return { page };
  const call = /^#\/activity\/([A-Za-z0-9_-]{1,128})$/.exec(hash)?.[1];
  return call === undefined ? { page: 'overview' } : { page: 'activity', call };
}

export function hashOf(page: PageName, call?: string): string {
  if (page === 'overview') return '#/';
  return call === undefined ? `#/${page}` : `#/${page}/${call}`;
}
