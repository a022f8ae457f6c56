// SPDX-License-Identifier: Apache-2.0
// What the server has acknowledged of each epoch, and its receipts, in `upload.json`. Owns that file. A lost or older one does no harm:
// rows that are sent again are stored once. Does not verify receipts.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasMembers, isText, isWhole, type MemberTests } from '../../contract/members.ts';
import type { SignedObject } from '../../contract/sync/words.ts';
import { FILE_MODE, isMissing, syncFolder } from '../audit/folder.ts';
import type { Place } from './batch.ts';

/** Characters. Eight signatures of the longest kind and the payload take less than half of it. */
const LONGEST_RECEIPT = 16_384;

export interface Acknowledged extends Place {
  /** As which device the rows were sent: one that has enrolled again is another one. */
  readonly device: string;
  /** As the server signed it; whoever relies on it verifies it. */
  readonly receipt: SignedObject;
  /** Rows of the epoch that the server has without their body. Absent: none. */
  readonly quarantined?: number;
}

interface FileMembers {
  readonly v: 1;
  readonly epochs: Readonly<Record<string, Acknowledged>>;
}

const ACKNOWLEDGED: MemberTests<Acknowledged> = {
  device: (value) => isText(value) && /^d-[0-9a-f]{32}$/.test(value),
  seq: (value) => isWhole(value, 1),
  hash: isHash,
  receipt: isReceipt,
  quarantined: (value) => value === undefined || isWhole(value, 0),
};

const FILE: MemberTests<FileMembers> = {
  v: (value) => value === 1,
  epochs: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([epoch, one]) => isEpoch(epoch) && hasMembers(one, ACKNOWLEDGED)),
};

export function isEpoch(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{16}$/.test(value);
}

export function isHash(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{64}$/.test(value);
}

/** Has it the outer form of a signed object, and a size that may be kept? */
export function isReceipt(value: unknown): value is SignedObject {
  const isPart = (part: unknown): boolean => isText(part) && /^[A-Za-z0-9_-]+$/.test(part);
  return (
    hasMembers<SignedObject>(value, {
      payload: isPart,
      signatures: (all) =>
        Array.isArray(all) &&
        all.length > 0 &&
        all.every((one) => hasMembers(one, { protected: isPart, signature: isPart })),
    }) && JSON.stringify(value).length <= LONGEST_RECEIPT
  );
}

export class Acknowledgements {
  readonly #dir: string;
  readonly #epochs: Map<string, Acknowledged>;
  /** The file was there and could not be read: all is sent again. */
  readonly damaged: boolean;

  /** @param dir of the organisation; made if absent */
  constructor(dir: string) {
    this.#dir = dir;
    const file = readAcknowledged(dir);
    this.damaged = file === undefined;
    this.#epochs = new Map(file ?? []);
  }

  get(epoch: string): Acknowledged | undefined {
    return this.#epochs.get(epoch);
  }

  /** Of all epochs. */
  get quarantined(): number {
    let sum = 0;
    for (const { quarantined = 0 } of this.#epochs.values()) sum += quarantined;
    return sum;
  }

  /** Remembers, also when writing it down throws. */
  put(epoch: string, acknowledged: Acknowledged): void {
    this.#epochs.set(epoch, acknowledged);
    this.#write();
  }

  /** Forgets epochs that have no file any more, with the next `put`. */
  keepOnly(epochs: ReadonlySet<string>): void {
    for (const epoch of this.#epochs.keys()) {
      if (!epochs.has(epoch)) this.#epochs.delete(epoch);
    }
  }

  #write(): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const path = filePath(this.#dir);
    const fd = openSync(`${path}.new`, 'w', FILE_MODE);
    try {
      writeSync(fd, `${JSON.stringify({ v: 1, epochs: Object.fromEntries(this.#epochs) })}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${path}.new`, path);
    syncFolder(this.#dir);
  }
}

function filePath(dir: string): string {
  return join(dir, 'upload.json');
}

/** By epoch; empty where there is no file, undefined where it is damaged. Also for whoever verifies the receipts. */
export function readAcknowledged(dir: string): ReadonlyMap<string, Acknowledged> | undefined {
  try {
    const file: unknown = JSON.parse(readFileSync(filePath(dir), 'utf8'));
    return hasMembers(file, FILE) ? new Map(Object.entries(file.epochs)) : undefined;
  } catch (error) {
    if (isMissing(error)) return new Map();
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
