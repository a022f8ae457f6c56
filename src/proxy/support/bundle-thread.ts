// SPDX-License-Identifier: Apache-2.0
// Has the support bundle made in a thread that ends: an always-on daemon must not hold the parsers that it takes. Knows no content.

import { askThread } from '../policy/thread.ts';
import type { BundleInput } from './bundle.ts';

type Made =
  | { readonly kind: 'made'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly code: string };

/** Rejects with a code where the thread failed. */
export async function bundleInThread(
  input: BundleInput,
): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const entry = new URL('./bundle-worker.ts', import.meta.url);
  const made = await askThread<Made>(entry, 'support-bundle', input, (code) => ({ kind: 'failed', code }));
  if (made.kind === 'failed') throw new Error(`no support bundle: ${made.code}`);
  return { name: made.name, bytes: made.bytes };
}
