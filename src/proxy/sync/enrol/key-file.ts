// SPDX-License-Identifier: Apache-2.0
// `device.json`: the keys of this device as they lie on disk, encrypted with a key that the operating system's store keeps, where there is
// one. Says which keys there are; when they change is enrol.ts's and rotate.ts's.

import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { KeyStore } from '../../../contract/key-store.ts';
import { hasMembers, isText, isWhole, type MemberTests } from '../../../contract/members.ts';
import { type KeyPair, readPair, type WrittenPair, writePair } from './device-keys.ts';
import type { OrgFiles } from './enrolment-file.ts';

export const KEY_FILE = 'device.json';
const LARGEST = 32_768;

/**
 * `enrolling` and `rotating` are on disk before the server hears of them, so that a lost answer can be asked for again. `old` is what
 * secrets that are at hand may still be sealed to.
 */
const SLOTS = ['current', 'enrolling', 'rotating', 'old'] as const;
type Slot = (typeof SLOTS)[number];

interface KeyFacts {
  /** The organisation that it was made for. No other one is shown it. */
  readonly org: string;
  /** When it was made; of `current`, when the server took it; of `old`, until when the server takes it. Milliseconds, server's time. */
  readonly at: number;
}

export type HeldPair = KeyPair & KeyFacts;
export type DeviceKeys = { readonly [S in Slot]?: HeldPair };

/** `file`: private, but not encrypted. */
export type Protection = 'store' | 'file';

export type KeysRead =
  | { readonly kind: 'keys'; readonly keys: DeviceKeys; readonly protection: Protection }
  | { readonly kind: 'none' }
  /** The store does not give the key that opens the file. What is in it is not lost. */
  | { readonly kind: 'locked'; readonly detail: string }
  | { readonly kind: 'damaged'; readonly detail: string };

export interface KeyFile {
  /** Never rejects. */
  read(): Promise<KeysRead>;
  /** Durable when it resolves. Rejects with what the disk has against it. */
  write(keys: DeviceKeys): Promise<Protection>;
  /** The store that could have the key to the file; undefined: this machine has none. */
  readonly storeTitle: string | undefined;
  /** Encrypts a file that is not, if the store takes the key now. False: it stays as it is. Rejects with what the disk has against it. */
  reseal(): Promise<boolean>;
  /** Removes the file, and what the store keeps for it. */
  remove(): Promise<void>;
}

export interface KeyFileOptions {
  readonly files: OrgFiles;
  /** Undefined: this machine has none. */
  readonly store: KeyStore | undefined;
  readonly random: (bytes: number) => Buffer;
}

/** The key of the file. Each has a name of its own in the store: a new one must never put an end to an older one. */
interface Wrapping {
  readonly name: string;
  readonly key: Uint8Array;
}

type WrittenKeys = { readonly [S in Slot]?: WrittenPair & KeyFacts };

/** Base64, but for the name. */
interface Sealed {
  readonly name: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** With one of the two. */
interface Written {
  readonly v: 1;
  readonly keys?: WrittenKeys;
  readonly sealed?: Sealed;
}

const CIPHER = 'aes-256-gcm';
/** Says what is encrypted, so that nothing else passes for it. */
const PURPOSE = Buffer.from('outpost device keys, version 1');

export function openKeyFile({ files, store, random }: KeyFileOptions): KeyFile {
  let wrapping: Wrapping | undefined;

  async function unseal(sealed: Sealed): Promise<KeysRead> {
    if (store === undefined) return { kind: 'locked', detail: 'the store of this system that sealed it is not there' };
    const opened = await store.open(sealed.name);
    if (opened.kind === 'absent') return { kind: 'locked', detail: `${store.title} no longer has the key to it` };
    if (opened.kind === 'unavailable') return { kind: 'locked', detail: opened.detail };
    const text = decrypt(sealed, opened.secret);
    if (text === undefined) return { kind: 'damaged', detail: 'it does not open with the key that belongs to it' };
    wrapping = { name: sealed.name, key: opened.secret };
    return readKeys(parse(text), 'store');
  }

  const file: KeyFile = {
    storeTitle: store?.title,

    async read() {
      let text: string | undefined;
      try {
        text = await files.read(KEY_FILE, LARGEST);
      } catch (error) {
        return { kind: 'damaged', detail: error instanceof Error ? error.message : String(error) };
      }
      if (text === undefined) return { kind: 'none' };
      const written = parse(text);
      if (!hasMembers<Written>(written, WRITTEN)) return NOT_OURS;
      return written.sealed === undefined ? readKeys(written.keys, 'file') : unseal(written.sealed);
    },

    async write(keys) {
      wrapping ??= await newWrapping(store, random);
      const content: Written =
        wrapping === undefined
          ? { v: 1, keys: writtenKeys(keys) }
          : { v: 1, sealed: encrypt(wrapping, JSON.stringify(writtenKeys(keys)), random) };
      await files.replace(KEY_FILE, `${JSON.stringify(content)}\n`);
      return wrapping === undefined ? 'file' : 'store';
    },

    async reseal() {
      wrapping ??= await newWrapping(store, random);
      if (wrapping === undefined) return false;
      // After the store, which may wait for a person: what was written meanwhile is not lost.
      const found = await file.read();
      if (found.kind === 'keys' && found.protection === 'file') await file.write(found.keys);
      return found.kind === 'keys';
    },

    async remove() {
      await files.remove(KEY_FILE);
      if (wrapping !== undefined) await store?.forget(wrapping.name);
      wrapping = undefined;
    },
  };
  return file;
}

/** Undefined: there is no store, or it took nothing. */
async function newWrapping(
  store: KeyStore | undefined,
  random: KeyFileOptions['random'],
): Promise<Wrapping | undefined> {
  const made = { name: `device-${random(4).toString('hex')}`, key: random(32) };
  return (await store?.seal(made.name, made.key)) ? made : undefined;
}

function encrypt({ name, key }: Wrapping, text: string, random: KeyFileOptions['random']): Sealed {
  const iv = random(12);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: 16 }).setAAD(PURPOSE);
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64');
  return { name, iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data };
}

function decrypt({ iv, tag, data }: Sealed, key: Uint8Array): string | undefined {
  try {
    const decipher = createDecipheriv(CIPHER, key, Buffer.from(iv, 'base64'), { authTagLength: 16 });
    decipher.setAAD(PURPOSE).setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([decipher.update(data, 'base64'), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type WrittenHeld = WrittenPair & KeyFacts;
const HELD: MemberTests<WrittenHeld> = {
  kid: isText,
  sign: isText,
  seal: isText,
  org: isText,
  at: (value) => isWhole(value, 0),
};
const isHeld = (value: unknown): boolean => value === undefined || hasMembers(value, HELD);
const KEYS: MemberTests<WrittenKeys> = { current: isHeld, enrolling: isHeld, rotating: isHeld, old: isHeld };

/** In the one spelling. */
const isBase64 = (value: unknown): boolean =>
  isText(value) && value !== '' && Buffer.from(value, 'base64').toString('base64') === value;
const SEALED: MemberTests<Sealed> = {
  name: (value) => isText(value) && /^device-[0-9a-f]{8}$/.test(value),
  iv: isBase64,
  tag: isBase64,
  data: isBase64,
};

const WRITTEN: MemberTests<Written> = {
  v: (value) => value === 1,
  keys: (value) => value === undefined || hasMembers(value, KEYS),
  sealed: (value) => value === undefined || hasMembers(value, SEALED),
};

const NOT_OURS: KeysRead = { kind: 'damaged', detail: 'it is not what Outpost writes' };

function writtenKeys(keys: DeviceKeys): WrittenKeys {
  return Object.fromEntries(
    SLOTS.flatMap((slot) => {
      const held = keys[slot];
      return held === undefined ? [] : [[slot, { ...writePair(held), org: held.org, at: held.at }]];
    }),
  );
}

function readKeys(written: unknown, protection: Protection): KeysRead {
  if (!hasMembers<WrittenKeys>(written, KEYS)) return NOT_OURS;
  const keys: { [S in Slot]?: HeldPair } = {};
  for (const slot of SLOTS) {
    const one = written[slot];
    if (one === undefined) continue;
    const pair = readPair(one);
    if (pair === undefined) return NOT_OURS;
    keys[slot] = { ...pair, org: one.org, at: one.at };
  }
  return { kind: 'keys', keys, protection };
}
