// SPDX-License-Identifier: Apache-2.0
// Files of those who sign elsewhere: what is to be signed goes out as JSON, comes back signed, and keys are PEM files. Needs neither a
// database nor a key folder, so that the machine with the keys need not have them.

import { createPublicKey } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import {
  type ObjectType,
  type SignedObject,
  type SigningJwk,
  signedObject,
  signingKey,
} from '../../contract/sync/words.ts';
import { type Signer, signObject } from '../../protocol/signed-object.ts';
import { signerOfPem } from '../keys/pem.ts';
import { Refused } from '../refused.ts';
import type { Output } from './output.ts';
import { type Io, type Options, UsageError } from './verb.ts';

export const OUT_OPTION = {
  out: { type: 'string', value: 'FILE', help: 'where to write it; must not exist (default: standard output)' },
} as const satisfies Options;

export const SIGN_OPTIONS = {
  key: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'private key, PEM (PKCS #8, Ed25519); may be given several times',
  },
  signed: { type: 'string', value: 'FILE', help: 'the same, signed by others already: adds to their signatures' },
  ...OUT_OPTION,
} as const satisfies Options;

/** Throws without a piece of it. */
export function readJson(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused('invalid', `${path} is not JSON`);
  }
}

export function readParsed<T>(path: string, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(readJson(path));
  if (!parsed.success) throw new Refused('invalid', `${path} is not ${what}`);
  return parsed.data;
}

/** A public key in PEM. A private one is refused: it has no business here. */
export function readPublicKey(path: string): SigningJwk {
  const pem = readFileSync(path, 'utf8');
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) throw new Refused('invalid', `${path} is no public key in PEM form`);
  const parsed = signingKey.safeParse(jwkOf(pem));
  if (!parsed.success) throw new Refused('invalid', `${path} is no Ed25519 key`);
  return parsed.data;
}

function jwkOf(pem: string): unknown {
  try {
    return createPublicKey(pem).export({ format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** Signs, and adds to the signatures of others. */
export async function signFiles(
  type: ObjectType,
  payload: unknown,
  { key = [], signed }: { readonly key?: readonly string[]; readonly signed?: string },
): Promise<SignedObject> {
  if (key.length === 0) throw new UsageError('--key is missing');
  const signers = new Map<string, Signer>();
  for (const path of key) {
    const signer = signerOfPem(readFileSync(path, 'utf8'));
    signers.set(signer.kid, signer);
  }
  const made = await signObject(type, payload, [...signers.values()]);
  if (signed === undefined) return made;
  const before = readParsed(signed, signedObject, 'a signed object');
  if (before.payload !== made.payload)
    throw new Refused('invalid', `the signatures in ${signed} are of something else`);
  const known = new Set(before.signatures.map((each) => each.protected));
  const added = made.signatures.filter((each) => !known.has(each.protected));
  return { payload: made.payload, signatures: [...before.signatures, ...added] };
}

/** JSON into a new file, or to standard output. `said`: what people are told of a file. */
export function writeResult(
  value: unknown,
  path: string | undefined,
  { io, out }: { readonly io: Io; readonly out: Output },
  said: string,
): void {
  const text = `${JSON.stringify(value)}\n`;
  if (path === undefined) {
    io.stdout.write(text);
    return;
  }
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
  out.say(said);
  out.value({ file: path });
}
