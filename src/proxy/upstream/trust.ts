// SPDX-License-Identifier: Apache-2.0
// Owns: whom and which TLS we accept upstream, as one shared client context. Everything that the user's environment or
// Node's options could loosen is said here outright. Must not know connections or where roots come from.
import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { splitPem } from '../../contract/pem.ts';

/**
 * Forward-secret AEAD suites only; SECLEVEL=2 also asks for 112-bit strength of keys and signatures (RSA from 2048 bits,
 * no SHA-1 or MD5) in every certificate below the root.
 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  '@SECLEVEL=2',
].join(':');

export interface TrustOptions {
  /** PEM certificates of the operating system's store. */
  readonly systemRoots: readonly string[];
  /** PEM certificates to trust in any case; default: Mozilla's list as bundled with Node. */
  readonly bundledRoots?: readonly string[];
  /** PEM texts from the settings, each with one certificate or more. */
  readonly extraRoots?: readonly string[];
  /** True for a certificate that must not count, wherever it came from: our own authority's. */
  readonly exclude?: (certificate: X509Certificate) => boolean;
}

/** Immutable. Make a new one when the roots change; connections under way keep theirs. */
export interface Trust {
  readonly context: SecureContext;
  /** Distinct certificates that are trusted. */
  readonly roots: number;
  /** Distinct certificates that were left out because `exclude` said so. */
  readonly excluded: number;
  /** Distinct PEM blocks that could not be read; a broken one must not take the others down. */
  readonly unreadable: number;
  /** Of a PEM block that was handed in: could it be read? Spares whoever asks parsing it again. */
  isReadable(pem: string): boolean;
}

/** What is left of the roots that were handed in. */
export interface AcceptedRoots extends Pick<Trust, 'excluded' | 'unreadable' | 'isReadable'> {
  /** PEM, one certificate each, none twice. */
  readonly pems: readonly string[];
}

export function acceptRoots(options: TrustOptions): AcceptedRoots {
  const bundled = options.bundledRoots ?? getCACertificates('bundled');
  const accepted = new Map<string, string>();
  // System and bundled list are nearly the same: a second parsed certificate of each would cost 2 MB (measured).
  const seen = new Set<string>();
  let excluded = 0;
  const unreadable = new Set<string>();
  for (const text of [...options.systemRoots, ...bundled, ...(options.extraRoots ?? [])]) {
    for (const pem of splitPem(text)) {
      const content = withoutSpace(pem);
      if (seen.has(content)) continue;
      seen.add(content);
      const certificate = read(pem);
      if (certificate === undefined) unreadable.add(content);
      else if (options.exclude?.(certificate)) excluded += 1;
      else accepted.set(certificate.fingerprint256, certificate.toString());
    }
  }
  return {
    pems: [...accepted.values()],
    excluded,
    unreadable: unreadable.size,
    isReadable: (pem) => !unreadable.has(withoutSpace(pem)),
  };
}

/** Takes 20 to 40 ms for the usual 150 to 300 certificates: once, not for each connection. */
export function createTrust(options: TrustOptions): Trust {
  const { pems, excluded, unreadable, isReadable } = acceptRoots(options);
  const context = createSecureContext({
    // Given even when empty: without it Node would fall back to its defaults, which NODE_EXTRA_CA_CERTS and others extend.
    ca: [...pems],
    allowPartialTrustChain: false,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  });
  return { context, roots: pems.length, excluded, unreadable, isReadable };
}

function withoutSpace(pem: string): string {
  return pem.replaceAll(/\s/g, '');
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
