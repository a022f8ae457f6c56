// SPDX-License-Identifier: Apache-2.0
// The three questions that the daemon has checked: is this document good, may this bundle rule, what of the folder is whole. Pure but for
// hashing; runs in a thread of its own (worker.ts).

import { builtInCatalogue } from '../../policy/parse-catalogue.ts';
import { type Container, unpackContainer, unpackDocument } from '../container.ts';
import { verifyBundle } from './bundle.ts';
import { Broken, checkDocument, missingRoots, rotatedSince, verifyDocument } from './document.ts';
import type {
  Activation,
  ActivationAnswer,
  ActivationJob,
  CheckJob,
  DocumentAnswer,
  Problem,
  StartAnswer,
  StartJob,
} from './messages.ts';

/** Rejects only on defects. */
export function check(job: CheckJob): Promise<DocumentAnswer | ActivationAnswer | StartAnswer> {
  switch (job.kind) {
    case 'document':
      return checkDocument(job);
    case 'activation':
      return checkActivation(job);
    case 'start':
      return checkFolder(job);
  }
}

async function checkActivation(job: ActivationJob): Promise<ActivationAnswer> {
  try {
    const document = await verifyDocument(job);
    return { kind: 'activation', activation: await verifyBundle({ ...job, document }) };
  } catch (error) {
    if (error instanceof Broken) return { kind: 'problem', problem: error.problem };
    throw error;
  }
}

/** The first of the two generations that is whole and no older than what has ruled, else the first that is whole; the newer document. */
async function checkFolder(job: StartJob): Promise<StartAnswer> {
  const damaged: { file: 'current' | 'previous' | 'fresh'; problem: Problem }[] = [];
  const tried = async <T>(file: 'current' | 'previous' | 'fresh', what: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      damaged.push({ file, problem: error.problem });
      return undefined;
    }
  };
  let active: StartAnswer['active'];
  let document: StartAnswer['document'];
  for (const file of ['current', 'previous'] as const) {
    const bytes = job[file];
    if (bytes === undefined || (active !== undefined && !isOlder(job, active.activation))) continue;
    await tried(file, async () => {
      const container = unpackContainer(bytes);
      if (container === undefined) throw new Broken('bundle', 'form');
      const activation = await checkContainer(job, container);
      if (active !== undefined && isOlder(job, activation)) return;
      const { since, roots, fresh } = container;
      active = { file, since, activation, outrun: { policy: false, freshness: false } };
      document = { facts: activation.facts, roots, fresh };
    });
  }
  const { fresh: bytes } = job;
  if (bytes !== undefined) {
    await tried('fresh', async () => {
      const stored = unpackDocument(bytes);
      if (stored === undefined) throw new Broken('fresh', 'form');
      const input = { ...stored, anchor: job.anchor, ring: undefined, before: job.before };
      const { facts, chain } = await verifyDocument(input);
      const held = document?.facts;
      // Numbers begin anew where a root has taken the old key out.
      const isNewer =
        held === undefined ||
        facts.root > held.root ||
        (facts.root === held.root && (facts.ring !== held.ring || facts.seq >= held.seq));
      if (!isNewer) return;
      document = { facts, ...stored };
      if (active !== undefined) active = { ...active, outrun: rotatedSince(chain, active.activation.facts.root) };
    });
  }
  return { kind: 'start', active, document, damaged, rows: active === undefined ? builtInCatalogue() : [] };
}

/** A version from before the last one that ruled. Where a key was taken out since, numbers begin anew. */
function isOlder({ floor }: StartJob, { version, facts }: Activation): boolean {
  return !facts.rotated.policy && version < floor;
}

async function checkContainer(job: StartJob, container: Container): Promise<Activation> {
  const { roots, fresh, bundle, secrets } = container;
  const { anchor, before, sealingKeys, env, dropped } = job;
  const input = { anchor, ring: undefined, before, roots, fresh };
  if ((await missingRoots(input)) !== undefined) throw new Broken('root', 'missing');
  const document = await verifyDocument(input);
  const stored = { anchor, document, bundle, sealingKeys, env };
  const isForgotten = dropped || (secrets === undefined && document.facts.secrets > 0);
  if (isForgotten) return verifyBundle({ ...stored, secrets: 'dropped' });
  try {
    return await verifyBundle({ ...stored, secrets });
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    // Its keys may have been replaced, a variable of the environment taken away. The rules hold without what these opened.
    return await verifyBundle({ ...stored, secrets: 'dropped' });
  }
}
