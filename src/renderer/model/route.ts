// SPDX-License-Identifier: Apache-2.0
// Which page an address names. The part after `#` is used, so that the daemon serves one page only. Pure.

export const ROUTES = ['overview', 'activity', 'recorded'] as const;
export type Route = (typeof ROUTES)[number];

/** Unknown addresses lead to the overview. */
export function routeOf(hash: string): Route {
  return ROUTES.find((route) => hash === hashOf(route)) ?? 'overview';
}

export function hashOf(route: Route): string {
  return route === 'overview' ? '#/' : `#/${route}`;
}
