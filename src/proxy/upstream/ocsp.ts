// SPDX-License-Identifier: Apache-2.0
// Owns: does a stapled OCSP response (RFC 6960) prove that this certificate is revoked? Pure. Must not know connections.
//
// The one answer that counts is a signed "revoked" about exactly this certificate. A missing, unreadable, foreign, expired
// or badly signed staple says nothing: whoever hides a revocation simply staples nothing, so refusing oddities would cost
// outages and win nothing. "revoked" does not age, so times are not looked at.
import { createHash, verify, X509Certificate } from 'node:crypto';
import { bitStringBytes, DerError, expectTag, readElements, readOne } from './der-reader.ts';

const SEQUENCE = 0x30;
const OID = 0x06;
const OCTET_STRING = 0x04;
const INTEGER = 0x02;
const ENUMERATED = 0x0a;
const context = (tag: number): number => 0xa0 | tag;

const BASIC_RESPONSE = '2b0601050507300101';
const SIGNATURE_HASHES: ReadonlyMap<string, string> = new Map([
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
]);
const CERT_ID_HASHES: ReadonlyMap<string, string> = new Map([
  ['2b0e03021a', 'sha1'],
  ['608648016503040201', 'sha256'],
]);
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

/** Real responses have 0.3 to 4 KB; more is not read. */
const MAX_RESPONSE_BYTES = 64 * 1024;

export interface StapledAnswer {
  /** `undefined` when the server stapled nothing. */
  readonly response: Buffer | undefined;
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
}

export function isProvenRevoked({ response, certificate, issuer }: StapledAnswer): boolean {
  if (response === undefined || response.length === 0 || response.length > MAX_RESPONSE_BYTES) return false;
  try {
    return readsRevoked(response, certificate, issuer);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function readsRevoked(response: Buffer, certificate: X509Certificate, issuer: X509Certificate): boolean {
  const [status, body] = readElements(readOne(response, SEQUENCE).content);
  if (expectTag(status, ENUMERATED).content[0] !== 0) return false;
  const [type, octets] = readElements(readOne(expectTag(body, context(0)).content, SEQUENCE).content);
  if (expectTag(type, OID).content.toString('hex') !== BASIC_RESPONSE) return false;
  const basic = readOne(expectTag(octets, OCTET_STRING).content, SEQUENCE);
  const [data, algorithm, signature, delegates] = readElements(basic.content);
  const responses = readElements(expectTag(data, SEQUENCE).content).find((element) => element.tag === SEQUENCE);
  const revoked = readElements(expectTag(responses, SEQUENCE).content).some((single) => {
    const [certId, certStatus] = readElements(expectTag(single, SEQUENCE).content);
    return certStatus?.tag === context(1) && isAbout(expectTag(certId, SEQUENCE).content, certificate, issuer);
  });
  if (!revoked) return false;
  const [signatureOid] = readElements(expectTag(algorithm, SEQUENCE).content);
  const hash = SIGNATURE_HASHES.get(expectTag(signatureOid, OID).content.toString('hex'));
  if (hash === undefined) return false;
  const signedBytes = expectTag(data, SEQUENCE).whole;
  const signatureBytes = bitStringBytes(expectTag(signature, 0x03));
  return signers(delegates?.tag === context(0) ? delegates.content : undefined, issuer).some((signer) =>
    verify(hash, signedBytes, signer.publicKey, signatureBytes),
  );
}

/** CertID: hash algorithm, hash of the issuer's name, hash of its key, serial number. */
function isAbout(certId: Buffer, certificate: X509Certificate, issuer: X509Certificate): boolean {
  const [algorithm, nameHash, keyHash, serial] = readElements(certId);
  const [algorithmOid] = readElements(expectTag(algorithm, SEQUENCE).content);
  const hash = CERT_ID_HASHES.get(expectTag(algorithmOid, OID).content.toString('hex'));
  if (hash === undefined) return false;
  const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();
  const [, keyBits] = readElements(readOne(issuer.publicKey.export({ type: 'spki', format: 'der' }), SEQUENCE).content);
  return (
    expectTag(nameHash, OCTET_STRING).content.equals(digest(issuerName(certificate))) &&
    expectTag(keyHash, OCTET_STRING).content.equals(digest(bitStringBytes(expectTag(keyBits, 0x03)))) &&
    expectTag(serial, INTEGER).content.toString('hex').replace(/^0+/, '') ===
      certificate.serialNumber.toLowerCase().replace(/^0+/, '')
  );
}

/** TBSCertificate: [0] version, serial, algorithm, issuer, … */
function issuerName(certificate: X509Certificate): Buffer {
  const [tbs] = readElements(readOne(certificate.raw, SEQUENCE).content);
  const fields = readElements(expectTag(tbs, SEQUENCE).content);
  return expectTag(fields[fields[0]?.tag === context(0) ? 3 : 2], SEQUENCE).whole;
}

/** The issuer itself, and responders that it named for the purpose (RFC 6960, 4.2.2.2). */
function signers(delegates: Buffer | undefined, issuer: X509Certificate): readonly X509Certificate[] {
  if (delegates === undefined) return [issuer];
  const sent = readElements(readOne(delegates, SEQUENCE).content)
    // One is usual; each costs a signature check.
    .slice(0, 4)
    .map((element) => parse(element.whole))
    .filter((candidate) => candidate !== undefined)
    .filter((candidate) => candidate.keyUsage?.includes(OCSP_SIGNING) && candidate.verify(issuer.publicKey));
  return [issuer, ...sent];
}

function parse(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
