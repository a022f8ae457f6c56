// SPDX-License-Identifier: Apache-2.0
// The operating system's list of trusted roots: read it, add to it, take away from it. Port and what its implementations
// share. Must not know our authority or who connects where.
//
// SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS are never looked at: whoever can set a variable for the daemon must
// not choose whom it trusts.
import { X509Certificate } from 'node:crypto';

/** What became of a wish to change the store. */
export type TrustChange =
  | { readonly kind: 'done' }
  /** Nothing to do: it was so already. */
  | { readonly kind: 'unchanged' }
  /** We may not; these shell commands, run by an administrator, do it. */
  | { readonly kind: 'needs-administrator'; readonly commands: readonly string[] }
  | { readonly kind: 'failed'; readonly detail: string };

export interface TrustStore {
  /** Every trusted root, one PEM each. Empty when the system has no store we know. */
  readRoots(): Promise<readonly string[]>;
  isTrusted(pem: string): Promise<boolean>;
  /** @param pem exactly one certificate. */
  install(pem: string): Promise<TrustChange>;
  remove(pem: string): Promise<TrustChange>;
}

export interface CommandResult {
  /** Exit status; undefined when the program could not be started. */
  readonly status: number | undefined;
  readonly stderr: string;
}

/** Runs a program without a shell. Never rejects. */
export type RunCommand = (file: string, args: readonly string[]) => Promise<CommandResult>;

/** SHA-256 of the certificate, lower-case hex. @throws Error when `pem` is no certificate. */
export const fingerprintOf = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

/** Is the certificate among these? Entries that cannot be read are passed over. */
export function includesCertificate(roots: readonly string[], pem: string): boolean {
  const wanted = fingerprintOf(pem);
  return roots.some((root) => {
    try {
      return fingerprintOf(root) === wanted;
    } catch {
      return false;
    }
  });
}

export function changeFrom(program: string, { status, stderr }: CommandResult): TrustChange {
  if (status === 0) return { kind: 'done' };
  if (status === undefined) return { kind: 'failed', detail: `${program} could not be started` };
  return { kind: 'failed', detail: `${program} ended with ${status}: ${stderr.trim().slice(0, 500)}` };
}
