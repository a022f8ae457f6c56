// SPDX-License-Identifier: Apache-2.0
// The key folder: which private keys are here, and the master key. Several processes may share it; each sees what the others add. Knows
// nothing of which keys a root names.
//
// master.key               32 bytes in hex
// ORG/ROLE-KID.pem         an Ed25519 key, PKCS #8
// ORG/ROLE-KID.pem.retired a key that no root names any more; kept, because an older backup of the database may need it

import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { keyId, orgId, type SigningJwk } from '../../contract/sync/words.ts';
import type { Signer } from '../../protocol/signed-object.ts';
import type { KeyRole, Keys } from '../context.ts';
import { decrypt, encrypt, MASTER_KEY_BYTES, NONCE_BYTES } from './master-key.ts';
import { makeKey, signerOfPem } from './pem.ts';
import { createPrivate, hasCode, privateFolder, readPrivate, renamePrivate } from './private-files.ts';

const MASTER = 'master.key';
const KEY_FILE = /^(root|policy|freshness|receipt)-([A-Za-z0-9_-]{43})\.pem$/;

/**
 * Opens the folder; an empty or new one gets a master key. Throws when it is open to other users, or when the master key of a folder
 * with keys is gone: a new one could not read what the database holds.
 */
export function openKeys(folder: string, random: (bytes: number) => Buffer = randomBytes): Keys {
  privateFolder(folder);
  const master = masterKey(folder, random);
  const known = new Map<string, Signer>();
  return {
    signers: (org, role) => {
      const found: Signer[] = [];
      // Looked up anew each time (10 µs): another process may have added or retired one.
      for (const name of namesOf(folder, org)) {
        const [, itsRole, kid] = KEY_FILE.exec(name) ?? [];
        if (itsRole !== role) continue;
        const path = join(folder, org, name);
        const signer = known.get(path) ?? signerOfPem(readPrivate(path).toString('utf8'));
        if (signer.kid !== kid) throw new Error(`${path} holds another key than its name says`);
        known.set(path, signer);
        found.push(signer);
      }
      return found;
    },
    encrypt: (plain, bound) => encrypt(master, random(NONCE_BYTES), plain, bound),
    decrypt: (sealed, bound) => decrypt(master, sealed, bound),
  };
}

export interface NewKey {
  readonly role: KeyRole;
  readonly kid: string;
  readonly jwk: SigningJwk;
}

/** Makes one key per role that is named; a role may be named several times. They count once a root names them. */
export function makeKeys(folder: string, org: string, roles: readonly KeyRole[]): readonly NewKey[] {
  const place = join(folder, orgId.parse(org));
  privateFolder(folder);
  privateFolder(place);
  return roles.map((role) => {
    const { kid, jwk, pem } = makeKey();
    createPrivate(join(place, `${role}-${kid}.pem`), pem, kid);
    return { role, kid, jwk };
  });
}

/** Sets aside a key that no root names any more. Nothing happens when it is not here. */
export function retireKey(folder: string, org: string, role: KeyRole, kid: string): void {
  const path = join(folder, orgId.parse(org), `${role}-${keyId.parse(kid)}.pem`);
  try {
    renamePrivate(path, `${path}.retired`);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function masterKey(folder: string, random: (bytes: number) => Buffer): Buffer {
  const path = join(folder, MASTER);
  // Files that begin with a dot are of a process that is writing right now.
  const others = readdirSync(folder).filter((name) => !name.startsWith('.'));
  if (others.length === 0) {
    createPrivate(path, `${random(MASTER_KEY_BYTES).toString('hex')}\n`, random(8).toString('hex'));
  } else if (!others.includes(MASTER)) {
    throw new Error(`${path} is missing; restore it from the backup of the key folder`);
  }
  const text = readPrivate(path).toString('utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${path} is not 32 bytes in hex`);
  return Buffer.from(text, 'hex');
}

/** An organisation without a folder has no keys here. */
function namesOf(folder: string, org: string): readonly string[] {
  if (!orgId.safeParse(org).success) return [];
  try {
    return readdirSync(join(folder, org)).toSorted();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
