// SPDX-License-Identifier: Apache-2.0
// Checks the chain of roots and a freshness document: from texts to facts, or to the first problem. Loads zod and jose: for a thread that
// ends. Must not know what time it is, or what was accepted before.

import { createHash } from 'node:crypto';
import { bypassPayload, type FreshPayload, freshPayload, type RootPayload } from '../../../contract/sync/objects.ts';
import { parsePayload } from '../../../protocol/payload.ts';
import { verifyNextRoot, verifyPinnedRoot } from '../../../protocol/root-chain.ts';
import { verifyObject } from '../../../protocol/signed-object.ts';
import type { Anchor, CheckedObject, DocumentAnswer, FreshFacts, Problem, ProblemCode, Roots } from './messages.ts';

/** Roots that may be missing at once. One is made in months; a document that names a far one must not have us fetch for ever. */
const MOST_MISSING = 64;

/** An object does not hold; ends the check of all that stands on it. */
export class Broken extends Error {
  readonly problem: Problem;
  constructor(object: CheckedObject, code: ProblemCode, errors?: Problem['errors']) {
    super(`${object}: ${code}`);
    this.problem = errors === undefined ? { object, code } : { object, code, errors };
  }
}

/** A text as JSON; what is none is no object. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Each vouched for by the one before, the first by its fingerprint. @throws Broken */
export async function verifyRoots(roots: Roots, { org, root: pinned }: Anchor): Promise<readonly RootPayload[]> {
  const chain: RootPayload[] = [];
  for (const text of roots) {
    const before = chain.at(-1);
    const next =
      before === undefined
        ? await verifyPinnedRoot(parsed(text), org, pinned)
        : await verifyNextRoot(parsed(text), before);
    if (!next.ok) throw new Broken('root', next.problem);
    chain.push(next.root);
  }
  return chain;
}

export interface DocumentToCheck {
  readonly anchor: Anchor;
  readonly roots: Roots;
  readonly fresh: string;
  /** undefined: it lay on our own disk, and was checked when it came. */
  readonly ring: string | undefined;
  readonly before: number;
}

export interface CheckedDocument {
  readonly facts: FreshFacts;
  /** The pinned one first. */
  readonly chain: readonly RootPayload[];
  /** The last of them. */
  readonly root: RootPayload;
}

/** What the document says of itself, before anybody vouches for it: only to know which roots are needed. */
function claimedRoot(fresh: string): number | undefined {
  const object = parsed(fresh);
  const payload = typeof object === 'object' && object !== null ? (object as { payload?: unknown }).payload : undefined;
  if (typeof payload !== 'string') return undefined;
  return parsePayload(freshPayload, Buffer.from(payload, 'base64url'))?.root;
}

/** @throws Broken */
export async function missingRoots(input: DocumentToCheck): Promise<{ from: number; to: number } | undefined> {
  const { anchor, roots, fresh } = input;
  const pinned = Number(/^root-(\d+):/.exec(anchor.root)?.[1]);
  const next = pinned + roots.length;
  const claimed = claimedRoot(fresh);
  if (claimed === undefined || claimed < next) return undefined;
  if (claimed - next >= MOST_MISSING) throw new Broken('root', 'missing');
  return { from: next, to: claimed };
}

/** @throws Broken */
export async function verifyDocument(input: DocumentToCheck): Promise<CheckedDocument> {
  const { anchor, ring, before } = input;
  const chain = await verifyRoots(input.roots, anchor);
  const root = chain.at(-1);
  if (root === undefined) throw new Broken('root', 'missing');
  const vouched = await verifyObject('fresh', parsed(input.fresh), root.keys.freshness);
  if (!vouched.ok) throw new Broken('fresh', vouched.problem);
  const payload = parsePayload(freshPayload, vouched.payload);
  if (payload === undefined) throw new Broken('fresh', 'payload');
  if (payload.org !== anchor.org) throw new Broken('fresh', 'org');
  if (ring !== undefined && payload.ring !== ring) throw new Broken('fresh', 'ring');
  if (payload.root !== root.number) throw new Broken('fresh', 'root');
  await verifyBypasses(payload, root);
  return { root, chain, facts: factsOf(payload, root, rotatedSince(chain, before), anchor.device) };
}

/** Of which roles has a key been taken out between root `number` and the last one? Of none where that root is not in the chain. */
export function rotatedSince(chain: readonly RootPayload[], number: number): FreshFacts['rotated'] {
  const before = chain.find((root) => root.number === number);
  const taken = (role: 'policy' | 'freshness'): boolean => {
    const now = new Set(chain.at(-1)?.keys[role].map(({ x }) => x));
    return before?.keys[role].some(({ x }) => !now.has(x)) ?? false;
  };
  return { policy: taken('policy'), freshness: taken('freshness') };
}

/** A freshness key alone must not switch interception off. @throws Broken */
async function verifyBypasses({ org, kill }: FreshPayload, root: RootPayload): Promise<void> {
  for (const { level, id, until, proof } of kill) {
    if (level !== 'bypass') continue;
    const vouched = await verifyObject('bypass', proof, root.keys.root, root.threshold);
    const leave = vouched.ok ? parsePayload(bypassPayload, vouched.payload) : undefined;
    if (leave === undefined || leave.org !== org || leave.id !== id || leave.until !== until) {
      throw new Broken('fresh', 'proof');
    }
  }
}

function factsOf(payload: FreshPayload, root: RootPayload, rotated: FreshFacts['rotated'], device: string): FreshFacts {
  const { ring, seq, issued, expires, bundle, secrets, kill } = payload;
  const mark = createHash('sha256').update(device).digest('hex').slice(0, 16);
  return {
    ring,
    seq,
    issued,
    expires,
    root: root.number,
    rootExpires: root.expires,
    bundle: bundle ?? undefined,
    secrets,
    orders: kill.map(({ id, level, target, reason, until }) => ({
      id,
      level,
      ...(target === undefined ? {} : { target }),
      reason,
      until,
    })),
    nextPollMs: payload.next_poll_s * 1000,
    minAgent: payload.min_agent,
    revoked: payload.revoked.includes(mark),
    rotated,
  };
}

/** Never rejects but for defects. */
export async function checkDocument(input: DocumentToCheck): Promise<DocumentAnswer> {
  try {
    const missing = await missingRoots(input);
    if (missing !== undefined) return { kind: 'roots', ...missing };
    return { kind: 'document', facts: (await verifyDocument(input)).facts };
  } catch (error) {
    if (error instanceof Broken) return { kind: 'problem', problem: error.problem };
    throw error;
  }
}
