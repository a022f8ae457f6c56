// SPDX-License-Identifier: Apache-2.0
// One look at the control plane with all that follows from it: freshness document, roots, bundle, secrets, and the activation. Fetches,
// has checked, hands over; what is accepted, and when to look again, the machine says. Loads nothing heavy.

import { createHash } from 'node:crypto';
import type { Log } from '../../contract/log.ts';
import { isText } from '../../contract/members.ts';
import { LIMITS, PROTOCOL } from '../../contract/sync/limits.ts';
import type { PolicyError } from '../policy/policy.ts';
import type { Checks } from './check/ask.ts';
import {
  type Activation,
  type Anchor,
  type FreshFacts,
  faultsOf,
  type Problem,
  type Surroundings,
} from './check/messages.ts';
import type { Answer, Client } from './client.ts';
import { type Container, type Document, packContainer, packDocument, parseJson, unpackContainer } from './container.ts';
import { REFUSED_MS, type RoundFailure, type SyncEvent } from './machine.ts';
import type { OrgFolder } from './org-folder.ts';
import { reportable } from './report.ts';
import type { SyncState } from './state.ts';

export const FRESH_FILE = 'fresh.json';
/** 4 MB over a slow line. Milliseconds. */
const BUNDLE_MS = 180_000;

/** Compiled, and ready to rule. */
export interface Prepared {
  /** Swaps it in. */
  readonly activate: (since: number) => void;
}

export interface RoundParts {
  readonly anchor: Anchor;
  readonly client: Client;
  readonly checks: Checks;
  readonly folder: OrgFolder;
  readonly surroundings: () => Surroundings;
  readonly state: () => SyncState;
  readonly dispatch: (event: SyncEvent) => void;
  /** Compiles; errors where that fails. */
  readonly prepare: (activation: Activation) => Prepared | readonly PolicyError[];
  /** Wall time, milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Trusted time. */
  readonly trustedNow: () => number;
  readonly log: Log;
  /** The document at hand, from the disk. */
  readonly held: Document | undefined;
  /** What rules is what `policy.current` holds. */
  readonly currentRules: boolean;
}

export interface Rounds {
  /** One round; what failed of it. Never rejects. */
  run(): Promise<RoundFailure | undefined>;
  /** What is under way goes no further than its next step. */
  close(): void;
}

/** Ends a round. */
class Failed extends Error {
  readonly failure: RoundFailure;
  constructor(failure: RoundFailure) {
    super(failure.why);
    this.failure = failure;
  }
}

export function createRounds(parts: RoundParts): Rounds {
  const { anchor, client, checks, folder, state, dispatch, log } = parts;
  let held = parts.held;
  /** Entity tag of the document at hand, and of which ring it is. */
  let tag: { readonly ring: string; readonly etag: string } | undefined;
  /** Of an envelope that came while this root was in force. */
  let sealed: { readonly etag: string; readonly text: string; readonly root: number } | undefined;
  /** SHA-256 of a document that was in force before the one at hand. */
  let outOfDate: string | undefined;
  let { currentRules } = parts;
  let isControlPlane = false;
  let closed = false;

  /** A key that the server does not know signs nothing that need not be signed. */
  const signed = (): boolean => !state().reenroll;

  async function fetched(path: string, options: { most: number; ms?: number; contact: boolean }): Promise<Buffer> {
    return okOf(await client.get(path, { signed: signed(), ...options }), options.contact).body;
  }

  /** @param contact a document was accepted in this round, or is still the newest: the server was heard */
  function okOf(answer: Answer, contact: boolean): Extract<Answer, { kind: 'ok' }> {
    if (closed) throw new Failed({ why: 'closed' });
    if (answer.kind === 'ok') return answer;
    if (answer.kind === 'unchanged') throw new Failed({ why: 'http-304', contact });
    const { retryAfterMs } = answer;
    if (answer.kind === 'refused' && answer.code === 'protocol') isControlPlane = false;
    throw new Failed({ why: answer.kind === 'refused' ? answer.code : answer.why, retryAfterMs, contact });
  }

  async function discover(): Promise<void> {
    if (isControlPlane) return;
    const answer = await client.get('.well-known/outpost-sync', { signed: false, most: LIMITS.document });
    const said = parseJson(okOf(answer, false).body);
    const protocols =
      typeof said === 'object' && said !== null ? (said as { protocols?: unknown }).protocols : undefined;
    if (!Array.isArray(protocols) || !protocols.includes(PROTOCOL)) throw new Failed({ why: 'protocol' });
    isControlPlane = true;
  }

  /** The newest document, accepted or at hand. Orders hold from here on, whatever becomes of the bundle. */
  async function lookAtDocument(): Promise<Document> {
    const { ring, document } = state();
    const etag = held !== undefined && tag?.ring === ring && document?.ring === ring ? tag.etag : undefined;
    const path = `v1/o/${anchor.org}/r/${ring}/fresh`;
    const answer = await client.get(path, { signed: signed(), etag, most: LIMITS.document });
    if (closed) throw new Failed({ why: 'closed' });
    if (answer.kind === 'unchanged' && held !== undefined && etag !== undefined) {
      dispatch({ kind: 'unchanged' });
      return held;
    }
    const ok = okOf(answer, false);
    const fresh = ok.body.toString('utf8');
    if (held?.fresh === fresh && document?.ring === ring) {
      if (ok.etag !== undefined) tag = { ring, etag: ok.etag };
      dispatch({ kind: 'unchanged' });
      return held;
    }
    const sha256 = createHash('sha256').update(ok.body).digest('hex');
    const { refusedDocument } = state();
    if (refusedDocument?.sha256 === sha256 && parts.trustedNow() - refusedDocument.at < REFUSED_MS) {
      throw new Failed({ why: 'refused-before' });
    }
    if (outOfDate === sha256) throw new Failed({ why: 'out-of-date' });
    const refuse = (problem: Problem): Failed => {
      log.warn('sync-document-refused', { object: problem.object, code: problem.code });
      dispatch({ kind: 'document-refused', sha256, problem });
      return new Failed({ why: `${problem.object}-${problem.code}` });
    };
    let roots = held?.roots ?? [];
    const before = state().floors.root;
    let checked = await checks.document({ anchor, ring, before, roots, fresh });
    if (checked.kind === 'roots') {
      roots = [...roots, ...(await fetchRoots(checked.from, checked.to))];
      checked = await checks.document({ anchor, ring, before, roots, fresh });
    }
    if (closed) throw new Failed({ why: 'closed' });
    if (checked.kind === 'problem') throw refuse(checked.problem);
    // Asked for twice: what was served is not the chain that it pretends to be.
    if (checked.kind === 'roots') throw refuse({ object: 'root', code: 'missing' });
    dispatch({ kind: 'document', facts: checked.facts, sha256 });
    if (state().document !== checked.facts) {
      if (state().refusedDocument?.sha256 === sha256) throw new Failed({ why: 'document-refused' });
      outOfDate = sha256;
      throw new Failed({ why: 'out-of-date' });
    }
    held = { roots, fresh };
    tag = ok.etag === undefined ? undefined : { ring, etag: ok.etag };
    try {
      await folder.replace(FRESH_FILE, packDocument(held));
    } catch (error) {
      // The orders hold already; only a restart would not know them.
      log.warn('sync-file-not-written', { file: FRESH_FILE, error: codeOf(error) });
    }
    return held;
  }

  async function fetchRoots(from: number, to: number): Promise<readonly string[]> {
    const texts: string[] = [];
    for (let number = from; number <= to; number++) {
      texts.push(
        (await fetched(`v1/o/${anchor.org}/root/${number}`, { most: LIMITS.document, contact: false })).toString(
          'utf8',
        ),
      );
    }
    return texts;
  }

  /** What lies on the disk of the version that rules; undefined where that cannot be read any more. */
  async function heldPolicy(): Promise<Container | undefined> {
    try {
      const bytes = await folder.readPolicy('current');
      return bytes === undefined ? undefined : unpackContainer(bytes);
    } catch {
      return undefined;
    }
  }

  /** Brings up what the document names, where that is not what rules already. */
  async function bringUp({ roots, fresh }: Document): Promise<void> {
    const facts = state().document;
    const offered = facts === undefined ? undefined : wanted(state(), facts, parts.trustedNow());
    if (facts === undefined || offered === undefined) return;
    const { sha256, version } = offered;
    const refuse = (faults: readonly PolicyError[]): void => {
      log.warn('sync-policy-refused', { version, faults: faults.length });
      const refused = { version, sha256, secrets: facts.secrets, faults: reportable(faults) };
      dispatch({ kind: 'bundle-refused', refused });
    };
    if (version < state().floors.bundle) return refuse(faultsOf({ object: 'bundle', code: 'older' }));

    const here = state().active === undefined ? undefined : await heldPolicy();
    const isHere = here !== undefined && createHash('sha256').update(here.bundle).digest('hex') === sha256;
    let bundle: Uint8Array;
    try {
      // One byte more than announced is already another bundle.
      const most = Math.min(offered.bytes, LIMITS.bundle);
      bundle = isHere
        ? here.bundle
        : await fetched(`v1/o/${anchor.org}/b/${sha256}`, { most, ms: BUNDLE_MS, contact: true });
    } catch (error) {
      if (!(error instanceof Failed) || error.failure.why !== 'too-large') throw error;
      return refuse(faultsOf({ object: 'bundle', code: 'length' }));
    }
    const hasSecrets = here !== undefined && (state().active?.secrets ?? 0) >= facts.secrets;
    const secrets = facts.secrets === 0 ? undefined : hasSecrets ? here.secrets : await fetchSecrets(facts.root);
    const before = state().floors.root;
    const job = { anchor, ring: facts.ring, before, roots, fresh, bundle, secrets, ...parts.surroundings() };
    const checked = await checks.activation(job);
    if (closed) throw new Failed({ why: 'closed' });
    if (checked.kind === 'problem') return refuse(faultsOf(checked.problem));
    const prepared = parts.prepare(checked.activation);
    if (!('activate' in prepared)) return refuse(prepared);

    const since = Math.floor(parts.now());
    try {
      await folder.activate(packContainer({ since, roots, fresh, secrets, bundle }), currentRules);
      currentRules = true;
    } catch (error) {
      log.error('sync-policy-not-written', { version, error: codeOf(error) });
      throw new Failed({ why: 'disk', contact: true });
    }
    // A daemon that stops must not change what rules; the file is found at the next start.
    if (closed) throw new Failed({ why: 'closed' });
    prepared.activate(since);
    log.info('sync-policy-activated', { version, sha256 });
  }

  async function fetchSecrets(root: number): Promise<string> {
    const last = sealed?.root === root ? sealed : undefined;
    const answer = await client.get('v1/secrets', { signed: true, etag: last?.etag, most: LIMITS.document });
    if (answer.kind === 'unchanged' && last !== undefined) return last.text;
    const { body, etag } = okOf(answer, true);
    const text = body.toString('latin1').trim();
    sealed = etag === undefined ? undefined : { etag, text, root };
    return text;
  }

  return {
    async run() {
      try {
        await discover();
        await bringUp(await lookAtDocument());
        return undefined;
      } catch (error) {
        if (error instanceof Failed) {
          log.debug('sync-round-failed', { why: error.failure.why });
          return error.failure;
        }
        log.error('sync-defect', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
        return { why: 'internal' };
      }
    },
    close() {
      closed = true;
    },
  };
}

/** What the document offers that is not in use yet, and was not refused a short while ago. */
function wanted(
  { active, refusedBundle }: SyncState,
  { bundle, secrets }: FreshFacts,
  now: number,
): FreshFacts['bundle'] {
  if (bundle === undefined) return undefined;
  if (active?.sha256 === bundle.sha256 && active.secrets >= secrets) return undefined;
  const isRefused = refusedBundle?.sha256 === bundle.sha256 && refusedBundle.secrets === secrets;
  return isRefused && now - refusedBundle.at < REFUSED_MS ? undefined : bundle;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return isText(code) ? code : 'unknown';
}
