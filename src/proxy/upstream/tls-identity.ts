// SPDX-License-Identifier: Apache-2.0
// Owns: is this certificate for that name? Stricter than Node's own check, which falls back to the subject's common name
// and accepts wildcards inside a label. Pure. Must not know connections.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * RFC 9525: subjectAltName only; a wildcard stands for exactly one whole left-most label, with two labels after it.
 * @returns undefined when the name fits, else an error with Node's usual code.
 */
export function checkIdentity(name: string, certificate: { readonly raw: Buffer }): Error | undefined {
  if (isNamedBy(new X509Certificate(certificate.raw), name.endsWith('.') ? name.slice(0, -1) : name)) return undefined;
  return Object.assign(new Error('the certificate is for other names'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function isNamedBy(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  try {
    const found = certificate.checkHost(host, {
      subject: 'never',
      partialWildcards: false,
      multiLabelWildcards: false,
    });
    return found !== undefined;
  } catch {
    // Not a host name at all.
    return false;
  }
}
