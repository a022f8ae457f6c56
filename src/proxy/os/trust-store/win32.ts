// SPDX-License-Identifier: Apache-2.0
// Owns: trust on Windows through certutil, in the current user's Root store. Argument building is tested; the effect is not
// verified on a real machine. Windows asks the user to confirm; group policy is the silent way.
import { X509Certificate } from 'node:crypto';
import { type ToolStoreOptions, toolTrustStore } from './tool-store.ts';
import type { TrustStore } from './trust-store.ts';

/** certutil finds a certificate by its SHA-1 thumbprint. */
const thumbprint = (pem: string): string => new X509Certificate(pem).fingerprint.replaceAll(':', '').toLowerCase();

export function win32TrustStore(options: ToolStoreOptions): TrustStore {
  const tool = {
    name: 'certutil',
    program: 'C:\\Windows\\System32\\certutil.exe',
    fileName: 'root.cer',
    installArgs: (file: string) => ['-user', '-f', '-addstore', 'Root', file],
    removeArgs: (pem: string) => ['-user', '-delstore', 'Root', thumbprint(pem)],
  };
  return toolTrustStore(tool, options);
}
