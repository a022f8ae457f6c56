// SPDX-License-Identifier: Apache-2.0
// Owns: the bytes of our certificates and revocation lists (RFC 5280, P-256 with SHA-256 throughout). Pure but for the
// signature. Must not know when to issue, for whom, or where anything is kept.
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  type Der,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8String,
} from './der.ts';
import { addressBytes } from './host-name.ts';
import type { PermittedNames } from './name-constraints.ts';

const OID = {
  ecdsaWithSha256: oid('1.2.840.10045.4.3.2'),
  organization: oid('2.5.4.10'),
  commonName: oid('2.5.4.3'),
  subjectKeyIdentifier: oid('2.5.29.14'),
  keyUsage: oid('2.5.29.15'),
  subjectAltName: oid('2.5.29.17'),
  basicConstraints: oid('2.5.29.19'),
  crlNumber: oid('2.5.29.20'),
  nameConstraints: oid('2.5.29.30'),
  crlDistributionPoints: oid('2.5.29.31'),
  authorityKeyIdentifier: oid('2.5.29.35'),
  extendedKeyUsage: oid('2.5.29.37'),
  serverAuth: oid('1.3.6.1.5.5.7.3.1'),
} as const;

const ALGORITHM = sequence(OID.ecdsaWithSha256);

/** A public key as X.509 needs it, computed once. */
export interface SubjectKey {
  readonly info: Der;
  /** RFC 7093, 2, method 1: the leftmost 160 bits of SHA-256 over the public key bits. */
  readonly id: Buffer;
}

export interface Validity {
  /** Milliseconds since the epoch; certificates keep whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs: its private key, its subject name and its key identifier. */
export interface Signer {
  readonly key: KeyObject;
  readonly commonName: string;
  readonly keyId: Buffer;
}

export function subjectKey(key: KeyObject): SubjectKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const info = publicKey.export({ type: 'spki', format: 'der' });
  // A P-256 SPKI ends with its 65-byte uncompressed point, which is the whole content of the bit string.
  const id = createHash('sha256').update(info.subarray(-65)).digest().subarray(0, 20);
  return { info, id };
}

/** Always 16 bytes, positive and never zero: the top bits are 01, the other 126 random (RFC 5280, 4.1.2.2). */
export function positiveSerial(random: Buffer): Buffer {
  const serial = Buffer.from(random.subarray(0, 16));
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  return serial;
}

const distinguishedName = (commonName: string): Der =>
  sequence(
    set(sequence(OID.organization, utf8String('Outpost'))),
    set(sequence(OID.commonName, utf8String(commonName))),
  );

const signed = (body: Der, key: KeyObject): Buffer => sequence(body, ALGORITHM, bitString(sign('sha256', body, key)));

const extension = (id: Der, value: Der): Der => sequence(id, octetString(value));

const critical = (id: Der, value: Der): Der => sequence(id, boolean(true), octetString(value));

const authorityKey = (id: Buffer): Der => extension(OID.authorityKeyIdentifier, sequence(taggedBytes(0, id)));

const SERVER_AUTH = extension(OID.extendedKeyUsage, sequence(OID.serverAuth));

const distributionPoint = (url: string): Der =>
  extension(
    OID.crlDistributionPoints,
    sequence(sequence(tagged(0, tagged(0, taggedBytes(6, Buffer.from(url, 'latin1')))))),
  );

function generalName(name: string): Der {
  const address = addressBytes(name);
  return address === undefined ? taggedBytes(2, Buffer.from(name, 'latin1')) : taggedBytes(7, address);
}

const authorityExtensions = (pathLength: number, key: SubjectKey): readonly Der[] => [
  critical(OID.basicConstraints, sequence(boolean(true), integer(pathLength))),
  // keyCertSign and cRLSign are bits 5 and 6.
  critical(OID.keyUsage, bitString(Buffer.from([0x06]), 1)),
  extension(OID.subjectKeyIdentifier, octetString(key.id)),
];

function nameConstraints({ dns, addresses }: PermittedNames): Der {
  // A constraint must name at least one permitted DNS name, or it would leave DNS names free.
  const names = dns.length === 0 ? ['outpost.invalid'] : dns;
  const permitted = names.map((name) => sequence(taggedBytes(2, Buffer.from(name, 'latin1'))));
  const exact = addresses.map((address) => {
    const bytes = addressBytes(address) ?? Buffer.alloc(0);
    return sequence(taggedBytes(7, Buffer.concat([bytes, Buffer.alloc(bytes.length, 0xff)])));
  });
  // Permitting one address forbids all others; with none permitted they are excluded by name: 0.0.0.0/0 and ::/0.
  const everywhere = [Buffer.alloc(8), Buffer.alloc(32)].map((bytes) => sequence(taggedBytes(7, bytes)));
  const excluded = exact.length === 0 ? [tagged(1, ...everywhere)] : [];
  return critical(OID.nameConstraints, sequence(tagged(0, ...permitted, ...exact), ...excluded));
}

interface CertificateFields {
  readonly serial: Buffer;
  readonly issuer: Der;
  readonly subject: Der;
  readonly validity: Validity;
  readonly key: SubjectKey;
  readonly extensions: readonly Der[];
  readonly signingKey: KeyObject;
}

function certificate(fields: CertificateFields): Buffer {
  const body = sequence(
    tagged(0, integer(2)),
    integer(fields.serial),
    ALGORITHM,
    fields.issuer,
    sequence(time(fields.validity.notBefore), time(fields.validity.notAfter)),
    fields.subject,
    fields.key.info,
    tagged(3, sequence(...fields.extensions)),
  );
  return signed(body, fields.signingKey);
}

export interface RootRequest {
  readonly commonName: string;
  readonly key: SubjectKey;
  readonly serial: Buffer;
  readonly validity: Validity;
  /** The root itself, or the generation before it for a cross-certificate. */
  readonly signer: Signer;
}

/**
 * A root, or the same name and key signed by the root before it. Path length 2 lets the older root stand above the newer
 * one: old root → cross-certificate → intermediate → leaf.
 */
export function rootCertificate({ commonName, key, serial, validity, signer }: RootRequest): Buffer {
  const crossed = signer.commonName !== commonName;
  return certificate({
    serial,
    issuer: distinguishedName(signer.commonName),
    subject: distinguishedName(commonName),
    validity,
    key,
    // A cross-certificate stands one step further down.
    extensions: [...authorityExtensions(crossed ? 1 : 2, key), ...(crossed ? [authorityKey(signer.keyId)] : [])],
    signingKey: signer.key,
  });
}

export interface IntermediateRequest extends RootRequest {
  readonly permitted: PermittedNames;
  readonly crlUrl: string;
}

/** Signs leaves only, for TLS servers only, for the permitted names only. */
export function intermediateCertificate(request: IntermediateRequest): Buffer {
  const { commonName, key, serial, validity, signer, permitted, crlUrl } = request;
  return certificate({
    serial,
    issuer: distinguishedName(signer.commonName),
    subject: distinguishedName(commonName),
    validity,
    key,
    extensions: [
      ...authorityExtensions(0, key),
      SERVER_AUTH,
      nameConstraints(permitted),
      authorityKey(signer.keyId),
      distributionPoint(crlUrl),
    ],
    signingKey: signer.key,
  });
}

export interface LeafSource {
  /** The key of every leaf. */
  readonly key: SubjectKey;
  readonly signer: Signer;
  readonly crlUrl: string;
}

/** @param name a canonical DNS name or address. */
export type SignLeaf = (name: string, serial: Buffer, validity: Validity) => Buffer;

/**
 * Leaves differ in name, serial number and dates only; the rest is encoded once, here.
 *
 * The name stands in subjectAltName only; with an empty subject that extension must be critical (RFC 5280, 4.2.1.6).
 * No subjectKeyIdentifier: all leaves share one key, and SChannel stumbles over equal identifiers.
 */
export function leafSigner({ key, signer, crlUrl }: LeafSource): SignLeaf {
  const version = tagged(0, integer(2));
  const algorithmAndIssuer = Buffer.concat([ALGORITHM, distinguishedName(signer.commonName)]);
  const subjectAndKey = Buffer.concat([sequence(), key.info]);
  const extensions = Buffer.concat([
    critical(OID.basicConstraints, sequence()),
    // digitalSignature is bit 0.
    critical(OID.keyUsage, bitString(Buffer.from([0x80]), 7)),
    SERVER_AUTH,
    authorityKey(signer.keyId),
    distributionPoint(crlUrl),
  ]);
  return (name, serial, { notBefore, notAfter }) => {
    const body = sequence(
      version,
      integer(serial),
      algorithmAndIssuer,
      sequence(time(notBefore), time(notAfter)),
      subjectAndKey,
      tagged(3, sequence(extensions, critical(OID.subjectAltName, sequence(generalName(name))))),
    );
    return signed(body, signer.key);
  };
}

/**
 * A revocation list with nothing in it. SChannel refuses a certificate whose revocation state it cannot learn, so there
 * must be one to fetch.
 * @param number the CRL number, which may only grow.
 */
export function emptyCrl(signer: Signer, { notBefore, notAfter }: Validity, number: number): Buffer {
  const body = sequence(
    integer(1),
    ALGORITHM,
    distinguishedName(signer.commonName),
    time(notBefore),
    time(notAfter),
    tagged(0, sequence(authorityKey(signer.keyId), extension(OID.crlNumber, integer(number)))),
  );
  return signed(body, signer.key);
}
