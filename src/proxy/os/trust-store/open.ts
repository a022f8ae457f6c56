// SPDX-License-Identifier: Apache-2.0
// Owns: which trust store this machine has. Must not know how any of them works.
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { darwinTrustStore } from './darwin.ts';
import { linuxTrustStore } from './linux.ts';
import { runCommand } from './run-command.ts';
import type { TrustStore } from './trust-store.ts';
import { win32TrustStore } from './win32.ts';

/** Platforms other than macOS and Windows are taken for Linux-like: they have the same files, or no store at all. */
export function openTrustStore(platform: NodeJS.Platform): TrustStore {
  const shared = { run: runCommand, temporaryFolder: tmpdir(), systemRoots: () => getCACertificates('system') };
  if (platform === 'darwin') {
    return darwinTrustStore(join(homedir(), 'Library/Keychains/login.keychain-db'), shared);
  }
  if (platform === 'win32') return win32TrustStore(shared);
  return linuxTrustStore({ run: runCommand });
}
