// SPDX-License-Identifier: Apache-2.0
// Owns: trust on macOS through its `security` tool, for the current user. Argument building is tested; the effect is not
// verified on a real machine. macOS asks the user for a password; MDM profiles are the silent way.
import { type ToolStoreOptions, toolTrustStore } from './tool-store.ts';
import { fingerprintOf, type TrustStore } from './trust-store.ts';

/** `keychain`: the user's, `~/Library/Keychains/login.keychain-db`. */
export function darwinTrustStore(keychain: string, options: ToolStoreOptions): TrustStore {
  const tool = {
    name: 'security',
    program: '/usr/bin/security',
    fileName: 'root.pem',
    /** Adds as a root for TLS only, to the user's login keychain. */
    installArgs: (file: string) => ['add-trusted-cert', '-r', 'trustRoot', '-p', 'ssl', '-k', keychain, file],
    /** `-Z` takes the SHA-256 of the certificate; `-t` also drops the user's trust settings for it. */
    removeArgs: (pem: string) => ['delete-certificate', '-Z', fingerprintOf(pem).toUpperCase(), '-t', keychain],
  };
  return toolTrustStore(tool, options);
}
