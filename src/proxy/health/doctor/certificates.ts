// SPDX-License-Identifier: Apache-2.0
// Judges a file of certificates that a tool is told to trust: does it have ours, does it have others? Knows no variable names.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { splitPem } from '../../../contract/pem.ts';
import { fingerprintOf } from '../../os/trust-store/trust-store.ts';

/** Bundles of public roots have about 250 KB. */
const MOST_BYTES = 8 * 2 ** 20;

export type BundleKind =
  /** Public certificates and ours: right. */
  | 'complete'
  /** Only ours: right for variables that add to the public ones, wrong for those that replace them. */
  | 'ours-only'
  /** Only others: connections through Outpost are refused. */
  | 'without-ours'
  | 'empty'
  | 'unreadable';

/** At most MOST_BYTES of a file as text; undefined when it cannot be read. Never waits for a pipe or device. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its writer (Windows has neither).
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > MOST_BYTES) return undefined;
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

function fingerprints(pem: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const block of splitPem(pem)) {
    try {
      found.add(fingerprintOf(block));
    } catch {
      // Tools pass over what they cannot read, too.
    }
  }
  return found;
}

/** @param ourPem certificates of our own authority; undefined: there are none yet, then "ours" is never found */
export async function judgeBundle(path: string, ourPem: string | undefined): Promise<BundleKind> {
  const text = await readText(path);
  if (text === undefined) return 'unreadable';
  const inFile = fingerprints(text);
  if (inFile.size === 0) return 'empty';
  const ours = fingerprints(ourPem ?? '');
  const hasOurs = [...ours].some((print) => inFile.has(print));
  if (!hasOurs) return 'without-ours';
  return [...inFile].every((print) => ours.has(print)) ? 'ours-only' : 'complete';
}
