// SPDX-License-Identifier: Apache-2.0
// Where somebody was who goes to the identity provider to sign in, and is sent back to the first page. Kept for this tab alone.

const KEY = 'outpost.place';

export function keepPlace(): void {
  sessionStorage.setItem(KEY, location.hash);
}

/** Back to it, once. */
export function takePlace(): void {
  const hash = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (hash?.startsWith('#/') === true && location.hash === '') location.replace(hash);
}
