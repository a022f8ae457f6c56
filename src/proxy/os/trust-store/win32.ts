// SPDX-License-Identifier: Apache-2.0
// Owns: trust on Windows through certutil, in the current user's Root store. Argument building is tested; the effect is not
// verified on a real machine. Windows asks the user to confirm; group policy is the silent way.
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeFrom, includesCertificate, type RunCommand, type TrustChange, type TrustStore } from './trust-store.ts';

export const win32InstallArgs = (file: string): readonly string[] => ['-user', '-f', '-addstore', 'Root', file];

/** certutil finds a certificate by its SHA-1 thumbprint. */
export const win32RemoveArgs = (pem: string): readonly string[] => [
  '-user',
  '-delstore',
  'Root',
  new X509Certificate(pem).fingerprint.replaceAll(':', '').toLowerCase(),
];

export interface Win32TrustStoreOptions {
  readonly run: RunCommand;
  /** Full path of certutil: one found through PATH could be anybody's. */
  readonly certutil: string;
  readonly temporaryFolder: string;
  /** `tls.getCACertificates('system')`: on Windows it reads the certificate stores and no environment variable. */
  readonly systemRoots: () => readonly string[];
}

export function win32TrustStore({ run, certutil, temporaryFolder, systemRoots }: Win32TrustStoreOptions): TrustStore {
  const isTrusted = async (pem: string): Promise<boolean> => includesCertificate(systemRoots(), pem);

  async function install(pem: string): Promise<TrustChange> {
    if (await isTrusted(pem)) return { kind: 'unchanged' };
    const folder = await mkdtemp(join(temporaryFolder, 'outpost-'));
    try {
      const file = join(folder, 'root.cer');
      await writeFile(file, pem);
      return changeFrom('certutil', await run(certutil, win32InstallArgs(file)));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    readRoots: async () => systemRoots(),
    isTrusted,
    install,
    remove: async (pem) => changeFrom('certutil', await run(certutil, win32RemoveArgs(pem))),
  };
}
