// SPDX-License-Identifier: Apache-2.0
// Owns: trust on macOS through its `security` tool, for the current user. Argument building is tested; the effect is not
// verified on a real machine. macOS asks the user for a password; MDM profiles are the silent way.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  changeFrom,
  fingerprintOf,
  includesCertificate,
  type RunCommand,
  type TrustChange,
  type TrustStore,
} from './trust-store.ts';

/** Adds as a root for TLS only, to the user's login keychain. */
export const darwinInstallArgs = (keychain: string, file: string): readonly string[] => [
  'add-trusted-cert',
  '-r',
  'trustRoot',
  '-p',
  'ssl',
  '-k',
  keychain,
  file,
];

/** `-Z` takes the SHA-256 of the certificate; `-t` also drops the user's trust settings for it. */
export const darwinRemoveArgs = (keychain: string, fingerprint: string): readonly string[] => [
  'delete-certificate',
  '-Z',
  fingerprint.toUpperCase(),
  '-t',
  keychain,
];

export interface DarwinTrustStoreOptions {
  readonly run: RunCommand;
  /** The user's keychain, `~/Library/Keychains/login.keychain-db`. */
  readonly keychain: string;
  readonly temporaryFolder: string;
  /** `tls.getCACertificates('system')`: on macOS it reads the keychains' trust settings and no environment variable. */
  readonly systemRoots: () => readonly string[];
}

export function darwinTrustStore({ run, keychain, temporaryFolder, systemRoots }: DarwinTrustStoreOptions): TrustStore {
  const isTrusted = async (pem: string): Promise<boolean> => includesCertificate(systemRoots(), pem);

  async function install(pem: string): Promise<TrustChange> {
    if (await isTrusted(pem)) return { kind: 'unchanged' };
    const folder = await mkdtemp(join(temporaryFolder, 'outpost-'));
    try {
      const file = join(folder, 'root.pem');
      await writeFile(file, pem);
      return changeFrom('security', await run('/usr/bin/security', darwinInstallArgs(keychain, file)));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    readRoots: async () => systemRoots(),
    isTrusted,
    install,
    remove: async (pem) =>
      changeFrom('security', await run('/usr/bin/security', darwinRemoveArgs(keychain, fingerprintOf(pem)))),
  };
}
