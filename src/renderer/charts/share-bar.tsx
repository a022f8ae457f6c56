// SPDX-License-Identifier: Apache-2.0
// A number of a table as a bar beside it. Decoration: the number says the same.

/** @param share from 0 to 1 */
export function ShareBar({ share }: { readonly share: number }) {
  return (
    <svg class="share" aria-hidden="true" focusable="false">
      <rect class="ground" width="100%" height="100%" />
      <rect class="fill-full" width={`${Math.min(Math.max(share, 0), 1) * 100}%`} height="100%" />
    </svg>
  );
}
