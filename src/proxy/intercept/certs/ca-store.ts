// SPDX-License-Identifier: Apache-2.0
// Owns: the authority's folder. `authority.json` (0600) holds the root key; `ca.pem` is the bundle of roots that clients
// should trust and is derived from it. Must not know leaves, contexts or sockets. The CLI uses this file alone.
//
// The root key stays on disk, because in stand-alone mode the daemon signs a new intermediate at each start and whenever
// the governed hosts change. Everything below the root lives in memory only. A damaged folder is an error, never a reason
// to make a new root: nobody would trust it, and every tool on the machine would break without a word.

import type { X509Certificate } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../contract/clock.ts';
import { OutpostError } from '../../../contract/errors.ts';
import { type CaState, createState, isOwnRoot, parseState, rotateState, stateText } from './ca-state.ts';
import { ensurePrivateFolder, readPrivateFile, replaceFile } from './private-file.ts';

const STATE_FILE = 'authority.json';
export const BUNDLE_FILE = 'ca.pem';

/** Four certificates and a key take under 8 KiB. */
const MAX_STATE_BYTES = 64 * 1024;

export interface RootInfo {
  readonly generation: number;
  readonly pem: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CaStore {
  readonly state: CaState;
  /** PEM file with every root that clients should trust, the current one first. */
  readonly bundlePath: string;
  /** The current root first, then the one before it. */
  roots(): readonly RootInfo[];
  isOurs(certificate: X509Certificate): boolean;
  /** Makes the next generation and writes it down. A daemon on the same folder notices by itself. */
  rotate(): Promise<void>;
  /**
   * Takes over what another process wrote. True when something changed.
   * @throws OutpostError OUT_CA_UNUSABLE; the state so far stays in force.
   */
  reload(): Promise<boolean>;
}

export interface CaStoreOptions {
  readonly dir: string;
  readonly clock: Clock;
}

/**
 * Opens the folder, and makes a new authority only where there never was one. Two processes that both come first agree
 * on one.
 * @throws OutpostError OUT_CA_UNUSABLE when the folder is damaged, incomplete or open to others.
 */
export async function openCaStore({ dir, clock }: CaStoreOptions): Promise<CaStore> {
  await ensurePrivateFolder(dir);
  await removeLeftovers(dir, clock);
  const state = (await readState(dir)) ?? (await createAuthority(dir, clock));
  await writeBundle(dir, state);
  return new FolderStore(dir, clock, state);
}

/** The authority of a folder, or undefined when none was ever made; for `outpost ca show` and the doctor. Writes nothing. */
export async function readCaStore({ dir, clock }: CaStoreOptions): Promise<CaStore | undefined> {
  const state = await readState(dir);
  return state === undefined ? undefined : new FolderStore(dir, clock, state);
}

class FolderStore implements CaStore {
  readonly bundlePath: string;
  readonly #dir: string;
  readonly #clock: Clock;
  #state: CaState;
  #text: string;

  constructor(dir: string, clock: Clock, state: CaState) {
    this.#dir = dir;
    this.#clock = clock;
    this.#state = state;
    this.#text = stateText(state);
    this.bundlePath = join(dir, BUNDLE_FILE);
  }

  get state(): CaState {
    return this.#state;
  }

  roots(): readonly RootInfo[] {
    return rootsOf(this.#state).map(({ generation, certificate }) => ({
      generation,
      pem: certificate.toString(),
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    }));
  }

  isOurs(certificate: X509Certificate): boolean {
    return isOwnRoot(this.#state, certificate);
  }

  async rotate(): Promise<void> {
    await this.reload();
    await replaceFile(join(this.#dir, STATE_FILE), stateText(rotateState(this.#state, this.#clock.now())), {
      mode: 0o600,
    });
    await this.reload();
    await writeBundle(this.#dir, this.#state);
  }

  async reload(): Promise<boolean> {
    const state = await readState(this.#dir);
    if (state === undefined) throw new OutpostError('OUT_CA_UNUSABLE', `${join(this.#dir, STATE_FILE)} is gone`);
    const text = stateText(state);
    if (text === this.#text) return false;
    this.#state = state;
    this.#text = text;
    return true;
  }
}

const rootsOf = ({ current, previous }: CaState) => (previous === undefined ? [current] : [current, previous]);

async function readState(dir: string): Promise<CaState | undefined> {
  const text = await readPrivateFile(join(dir, STATE_FILE), MAX_STATE_BYTES);
  if (text !== undefined) return parseState(text);
  if (await exists(join(dir, BUNDLE_FILE))) {
    throw new OutpostError('OUT_CA_UNUSABLE', `${join(dir, BUNDLE_FILE)} is there, but ${STATE_FILE} is missing`);
  }
  return undefined;
}

async function createAuthority(dir: string, clock: Clock): Promise<CaState> {
  const state = createState(clock.now());
  const path = join(dir, STATE_FILE);
  if (await replaceFile(path, stateText(state), { mode: 0o600, exclusive: true })) return state;
  const winner = await readState(dir);
  if (winner === undefined) throw new OutpostError('OUT_CA_UNUSABLE', `${path} appeared and vanished`);
  return winner;
}

async function writeBundle(dir: string, state: CaState): Promise<void> {
  const path = join(dir, BUNDLE_FILE);
  const text = rootsOf(state)
    .map(({ certificate }) => certificate.toString())
    .join('');
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present !== text) await replaceFile(path, text, { mode: 0o644 });
}

/** A crash between write and rename leaves a temporary file, possibly with a key in it. */
async function removeLeftovers(dir: string, clock: Clock): Promise<void> {
  // Younger ones may be another process's, about to be renamed.
  const STALE_MS = 60_000;
  for (const name of await readdir(dir)) {
    if (!/^\.(?:authority\.json|ca\.pem)\.[0-9a-f]{16}\.tmp$/.test(name)) continue;
    const path = join(dir, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && clock.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
