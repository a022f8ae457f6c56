// SPDX-License-Identifier: Apache-2.0
// Text with `code` in it, as elements. No markup is ever parsed: everything else stays text.

export function Text({ children }: { readonly children: string }) {
  return <>{children.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part))}</>;
}
