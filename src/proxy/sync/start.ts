// SPDX-License-Identifier: Apache-2.0
// What a device starts from: the files of the organisation, read as hostile and checked as a whole, signatures included. What is damaged
// is said, and stays: a later version of the program may understand it.

import type { Log } from '../../contract/log.ts';
import type { Checks } from './check/ask.ts';
import type { Anchor, StartAnswer, Surroundings } from './check/messages.ts';
import { packContainer, parseJson, unpackContainer } from './container.ts';
import { FileNotOurs } from './files.ts';
import type { OrgFolder } from './org-folder.ts';
import { FRESH_FILE } from './rounds.ts';
import { type Kept, type Owner, readState } from './state.ts';
import { type Reading, withDocument } from './trusted-time.ts';

export const STATE_FILE = 'state.json';
const LARGEST_STATE = 1_048_576;
/** Roots and one document. Bytes. */
const LARGEST_DOCUMENT = 8 * 1_048_576;

export interface StartParts {
  readonly folder: OrgFolder;
  readonly checks: Checks;
  readonly anchor: Anchor;
  readonly owner: Owner;
  /** At enrolment. */
  readonly ring: string;
  readonly surroundings: Surroundings;
  readonly reading: Reading;
  readonly buildDate: number;
  /** The device was revoked just now, whatever the disk says; or the keys that open them cannot be had. */
  readonly withoutSecrets?: boolean;
  readonly log: Log;
}

export interface Start extends Pick<StartAnswer, 'active' | 'document' | 'rows'> {
  readonly kept: Kept;
}

/** @throws Error when nothing can be checked at all */
export async function startFrom(parts: StartParts): Promise<Start> {
  const { folder, checks, anchor, log, reading, buildDate } = parts;
  const readable = async (file: string, read: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> => {
    try {
      return await read();
    } catch (error) {
      const why = error instanceof FileNotOurs ? error.message : (error as NodeJS.ErrnoException).code;
      log.warn('sync-file-not-read', { file, error: why ?? 'unknown' });
      return undefined;
    }
  };
  const state = await readable(STATE_FILE, () => folder.readBytes(STATE_FILE, LARGEST_STATE));
  // What is no JSON is damaged, not absent.
  const written = state === undefined ? undefined : (parseJson(state) ?? null);
  const { kept, damaged } = readState(written, { ...parts.owner, ring: parts.ring, reading, earliest: buildDate });
  if (damaged) log.warn('sync-state-damaged', {});

  const answer = await checks.start({
    ...parts.surroundings,
    anchor,
    before: kept.floors.root,
    floor: kept.floors.bundle,
    dropped: parts.withoutSecrets === true || kept.revoked !== undefined,
    current: await readable('policy.current', () => folder.readPolicy('current')),
    previous: await readable('policy.previous', () => folder.readPolicy('previous')),
    fresh: await readable(FRESH_FILE, () => folder.readBytes(FRESH_FILE, LARGEST_DOCUMENT)),
  });
  if (answer === undefined) throw new Error('what the organisation has published cannot be checked');
  for (const { file, problem } of answer.damaged) {
    log.warn('sync-file-refused', { file, object: problem.object, code: problem.code });
  }
  const { active, document, rows } = answer;
  if (document === undefined) return { active, document, rows, kept };
  return { active, document, rows, kept: { ...kept, time: withDocument(kept.time, document.facts.issued) } };
}

/** Takes the secrets out of both generations on the disk. */
export async function forgetSecrets(folder: OrgFolder): Promise<void> {
  for (const which of ['current', 'previous'] as const) {
    const bytes = await folder.readPolicy(which);
    const container = bytes === undefined ? undefined : unpackContainer(bytes);
    if (container?.secrets === undefined) continue;
    await folder.rewritePolicy(which, packContainer({ ...container, secrets: undefined }));
  }
}
