// SPDX-License-Identifier: Apache-2.0
// Checks a bundle and the secrets that it needs, standing on a freshness document that was checked: signatures, what they are of, and the
// policy itself, as a file would be. Loads zod, jose and the YAML parser: for a thread that ends.

import type { KeyObject } from 'node:crypto';
import { bundlePayload, secretsPayload } from '../../../contract/sync/objects.ts';
import { unpackBundle } from '../../../protocol/bundle-bytes.ts';
import { parsePayload } from '../../../protocol/payload.ts';
import { unseal } from '../../../protocol/seal.ts';
import { verifyObject } from '../../../protocol/signed-object.ts';
import { checkText, type ReadNamed } from '../../policy/check-text.ts';
import { Broken, type CheckedDocument, parsed } from './document.ts';
import type { Activation, Anchor, SecretFacts, Surroundings } from './messages.ts';

export interface BundleToCheck extends Surroundings {
  readonly anchor: Anchor;
  readonly document: CheckedDocument;
  readonly bundle: Uint8Array;
  /** Sealed. `dropped`: the device had to forget them; undefined: there are none. */
  readonly secrets: string | 'dropped' | undefined;
}

/** What the bundle carries, by the names that its text has for it. */
function readerOf(files: Readonly<Record<string, string>>): ReadNamed {
  return async (name, limit) => {
    const text = Object.hasOwn(files, name) ? files[name] : undefined;
    if (text === undefined) return { text, problem: 'was not published with the policy', absent: true };
    if (Buffer.byteLength(text) > limit) {
      return { text: undefined, problem: `is larger than ${limit} bytes`, absent: false };
    }
    return { text };
  };
}

/** @throws Broken */
export async function verifyBundle(input: BundleToCheck): Promise<Activation> {
  const { anchor, env } = input;
  const { facts, root } = input.document;
  if (facts.bundle === undefined) throw new Broken('bundle', 'version');
  const { sha256, version } = facts.bundle;
  const unpacked = unpackBundle(input.bundle, facts.bundle);
  if (!unpacked.ok) throw new Broken('bundle', unpacked.problem);
  const vouched = await verifyObject('bundle', unpacked.object, root.keys.policy);
  if (!vouched.ok) throw new Broken('bundle', vouched.problem);
  const payload = parsePayload(bundlePayload, vouched.payload);
  if (payload === undefined) throw new Broken('bundle', 'payload');
  if (payload.org !== anchor.org) throw new Broken('bundle', 'org');
  if (payload.version !== version) throw new Broken('bundle', 'version');

  const secrets =
    input.secrets === undefined || input.secrets === 'dropped'
      ? input.secrets
      : await openSecrets(input.secrets, input.document, anchor, input.sealingKeys);
  const { config: text, files, ignorable } = payload;
  const values = secrets === 'dropped' ? secrets : (secrets?.values ?? {});
  const checked = await checkText({ text, read: readerOf(files), env, secrets: values, ignorable });
  if (!checked.ok) throw new Broken('bundle', 'policy', checked.errors);
  const { config, rows, named } = checked;
  return { facts, version, sha256, text, config, rows, named, secrets };
}

/** @throws Broken */
async function openSecrets(
  sealed: string,
  { facts, root }: CheckedDocument,
  { org, device }: Anchor,
  keys: readonly KeyObject[],
): Promise<SecretFacts> {
  // Base64 can spell the same bytes in several ways; what we accept is what was sealed, to the letter.
  const isExact = sealed.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
  if (!isExact) throw new Broken('secrets', 'form');
  let opened: Buffer | undefined;
  for (const key of keys) opened ??= await unseal(sealed, key);
  if (opened === undefined) throw new Broken('secrets', 'unseal');
  const vouched = await verifyObject('secrets', parsed(opened.toString('utf8')), root.keys.freshness);
  if (!vouched.ok) throw new Broken('secrets', vouched.problem);
  const payload = parsePayload(secretsPayload, vouched.payload);
  if (payload === undefined) throw new Broken('secrets', 'payload');
  if (payload.org !== org) throw new Broken('secrets', 'org');
  if (payload.device !== device) throw new Broken('secrets', 'device');
  if (payload.number < facts.secrets) throw new Broken('secrets', 'older');
  const { number, values } = payload;
  return { number, values, overrideKey: Buffer.from(payload.override_key, 'base64url') };
}
