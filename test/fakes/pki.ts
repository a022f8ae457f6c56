// SPDX-License-Identifier: Apache-2.0
// Owns: test certificate authorities, quick to make and able to issue every kind of bad certificate.
// Must not know the product's own certificate profile: a mistake there must not repeat here.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as der from '../../src/proxy/intercept/certs/der.ts';
import { bitStringBytes, expectTag, readElements, readOne } from '../../src/proxy/upstream/der-reader.ts';

export type TestKeyType = 'ec' | 'rsa-2048' | 'rsa-1024';
export type TestHash = 'sha256' | 'sha1' | 'md5';
export type TestUsage = 'serverAuth' | 'clientAuth' | 'OCSPSigning';

export interface NameConstraintOptions {
  readonly permitted?: readonly string[];
  readonly excluded?: readonly string[];
}

interface CommonOptions {
  readonly commonName?: string;
  /** Default: one hour ago. */
  readonly notBefore?: Date;
  /** Default: in thirty days. */
  readonly notAfter?: Date;
  readonly key?: TestKeyType;
  /** Digest of the issuer's signature. */
  readonly hash?: TestHash;
  /** Extended key usages; `[]` leaves the extension out. Default: serverAuth for leaves, none for authorities. */
  readonly usages?: readonly TestUsage[];
  /** Adds a critical extension that nobody knows. */
  readonly unknownCritical?: boolean;
}

export interface LeafOptions extends CommonOptions {
  /** DNS names and IP addresses of the subjectAltName; `[]` leaves the extension out. */
  readonly names: readonly string[];
  /** Says `cA: TRUE` or FALSE in basicConstraints; leaves have none by default. */
  readonly ca?: boolean;
}

export interface AuthorityOptions extends CommonOptions {
  readonly pathLength?: number;
  readonly constraints?: NameConstraintOptions;
}

export interface IssuedCertificate {
  /** PKCS #8 PEM. */
  readonly key: string;
  /** This certificate alone, PEM. */
  readonly cert: string;
  /** What a server sends: this certificate, then each issuer below the root. */
  readonly chain: string;
  readonly x509: X509Certificate;
  /** Issues from this certificate's own key, whether it may or not: for "leaf used as CA". */
  asAuthority(): TestCa;
}

export interface TestCa {
  readonly key: string;
  readonly cert: string;
  /** PEM of this authority and those above it, without the root; '' for a root. */
  readonly chain: string;
  readonly x509: X509Certificate;
  issue(options: LeafOptions): IssuedCertificate;
  issueCa(options?: AuthorityOptions): TestCa;
  /** A DER OCSP response about `certificate`, signed by this authority or, if given, by a delegate's key. */
  ocsp(certificate: X509Certificate, status: 'good' | 'revoked', signer?: IssuedCertificate): Buffer;
}

const OID = {
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  subjectKeyIdentifier: '2.5.29.14',
  /** An arc kept for documentation. */
  unknown: '2.25.1234567890',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
  sha1: '1.3.14.3.2.26',
  ocspBasic: '1.3.6.1.5.5.7.48.1.1',
} as const;

const SIGNATURES = {
  ec: { sha256: '1.2.840.10045.4.3.2', sha1: '1.2.840.10045.4.1', md5: '' },
  rsa: { sha256: '1.2.840.113549.1.1.11', sha1: '1.2.840.113549.1.1.5', md5: '1.2.840.113549.1.1.4' },
} as const;

const HOUR = 3_600_000;

function makeKey(type: TestKeyType): KeyObject {
  if (type === 'ec') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength: type === 'rsa-2048' ? 2048 : 1024 }).privateKey;
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'spki', format: 'der' });
}

/** The bytes inside the subjectPublicKey bit string. */
function publicKeyBits(spki: Buffer): Buffer {
  const [, bits] = readElements(readOne(spki, 0x30).content);
  return bitStringBytes(expectTag(bits, 0x03));
}

const keyId = (spki: Buffer): Buffer => createHash('sha1').update(publicKeyBits(spki)).digest();

const nameOf = (commonName: string | undefined): der.Der =>
  commonName === undefined
    ? der.sequence()
    : der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8String(commonName))));

function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): readonly string[] => (text ? text.split(':') : []);
  const left = groups(head);
  const right = groups(tail);
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  return Buffer.from([...left, ...middle, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

const altName = (name: string): der.Der =>
  isIP(name) === 0 ? der.taggedBytes(2, Buffer.from(name, 'latin1')) : der.taggedBytes(7, ipBytes(name));

const extension = (id: string, value: der.Der, critical = false): der.Der =>
  critical
    ? der.sequence(der.oid(id), der.boolean(true), der.octetString(value))
    : der.sequence(der.oid(id), der.octetString(value));

function constraintsValue({ permitted = [], excluded = [] }: NameConstraintOptions): der.Der {
  const subtrees = (tag: number, names: readonly string[]): readonly der.Der[] =>
    names.length === 0 ? [] : [der.tagged(tag, ...names.map((name) => der.sequence(altName(name))))];
  return der.sequence(...subtrees(0, permitted), ...subtrees(1, excluded));
}

function algorithm(key: KeyObject, hash: TestHash): der.Der {
  if (key.asymmetricKeyType === 'rsa') return der.sequence(der.oid(SIGNATURES.rsa[hash]), der.nullValue());
  if (hash === 'md5') throw new Error('MD5 needs an RSA issuer');
  return der.sequence(der.oid(SIGNATURES.ec[hash]));
}

interface Signer {
  readonly key: KeyObject;
  readonly x509: X509Certificate;
  readonly spki: Buffer;
  /** Where the certificate was made elsewhere and names its key in another way than `keyId`. */
  readonly subjectKeyId?: Buffer;
  readonly name: der.Der;
  readonly chain: string;
}

interface Assembled {
  readonly key: KeyObject;
  readonly spki: Buffer;
  readonly name: der.Der;
  readonly x509: X509Certificate;
}

function assemble(
  options: CommonOptions,
  issuer: Signer | undefined,
  subject: string | undefined,
  extensions: readonly der.Der[],
): Assembled {
  const key = makeKey(options.key ?? 'ec');
  const spki = spkiOf(key);
  const signingKey = issuer?.key ?? key;
  const signatureAlgorithm = algorithm(signingKey, options.hash ?? 'sha256');
  const name = nameOf(subject);
  const now = Date.now();
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  const all = [
    ...extensions,
    extension(OID.subjectKeyIdentifier, der.octetString(keyId(spki))),
    extension(
      OID.authorityKeyIdentifier,
      der.sequence(der.taggedBytes(0, issuer?.subjectKeyId ?? keyId(issuer?.spki ?? spki))),
    ),
    ...(options.unknownCritical ? [extension(OID.unknown, der.nullValue(), true)] : []),
  ];
  const tbs = der.sequence(
    der.tagged(0, der.integer(2)),
    der.integer(serial),
    signatureAlgorithm,
    issuer?.name ?? name,
    der.sequence(
      der.time(options.notBefore?.getTime() ?? now - HOUR),
      der.time(options.notAfter?.getTime() ?? now + 30 * 24 * HOUR),
    ),
    name,
    spki,
    der.tagged(3, der.sequence(...all)),
  );
  const signature = sign(options.hash ?? 'sha256', tbs, signingKey);
  const x509 = new X509Certificate(der.sequence(tbs, signatureAlgorithm, der.bitString(signature)));
  return { key, spki, name, x509 };
}

const usageExtension = (usages: readonly TestUsage[]): readonly der.Der[] =>
  usages.length === 0
    ? []
    : [extension(OID.extendedKeyUsage, der.sequence(...usages.map((usage) => der.oid(OID[usage]))))];

function authorityExtensions(options: AuthorityOptions): readonly der.Der[] {
  const { pathLength, constraints } = options;
  const basic = der.sequence(der.boolean(true), ...(pathLength === undefined ? [] : [der.integer(pathLength)]));
  return [
    extension(OID.basicConstraints, basic, true),
    extension(OID.keyUsage, der.bitString(Buffer.from([0x06]), 1), true),
    ...usageExtension(options.usages ?? []),
    ...(constraints === undefined ? [] : [extension(OID.nameConstraints, constraintsValue(constraints), true)]),
  ];
}

function leafExtensions(options: LeafOptions): readonly der.Der[] {
  const { names, ca } = options;
  return [
    ...(ca === undefined
      ? []
      : [extension(OID.basicConstraints, ca ? der.sequence(der.boolean(true)) : der.sequence(), true)]),
    ...usageExtension(options.usages ?? ['serverAuth']),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, der.sequence(...names.map(altName)))]),
  ];
}

const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function authority(signer: Signer): TestCa {
  return {
    key: keyPem(signer.key),
    cert: signer.x509.toString(),
    chain: signer.chain,
    x509: signer.x509,
    issue: (options) => {
      const subject = options.commonName ?? options.names[0] ?? 'nameless';
      const made = assemble(options, signer, subject, leafExtensions(options));
      const cert = made.x509.toString();
      const chain = cert + signer.chain;
      return {
        key: keyPem(made.key),
        cert,
        chain,
        x509: made.x509,
        asAuthority: () => authority({ ...made, chain }),
      };
    },
    issueCa: (options = {}) => {
      const subject = options.commonName ?? `Test Intermediate ${randomBytes(4).toString('hex')}`;
      const made = assemble(options, signer, subject, authorityExtensions(options));
      return authority({ ...made, chain: made.x509.toString() + signer.chain });
    },
    ocsp: (certificate, status, delegate) => ocspResponse(signer, certificate, status, delegate),
  };
}

/** A new self-signed root. P-256 unless asked otherwise, so it takes under a millisecond. */
export function makeTestCa(options: AuthorityOptions = {}): TestCa {
  const subject = options.commonName ?? `Test Root ${randomBytes(4).toString('hex')}`;
  return authority({ ...assemble(options, undefined, subject, authorityExtensions(options)), chain: '' });
}

/** A leaf that is its own issuer and nobody's authority. */
export function makeSelfSigned(options: LeafOptions): IssuedCertificate {
  const made = assemble(options, undefined, options.commonName ?? options.names[0], leafExtensions(options));
  const cert = made.x509.toString();
  return {
    key: keyPem(made.key),
    cert,
    chain: cert,
    x509: made.x509,
    asAuthority: () => authority({ ...made, chain: cert }),
  };
}

/** An authority out of a certificate and key made elsewhere, e.g. the product's own device root. */
export function authorityFrom(certPem: string, privateKeyPem: string): TestCa {
  const x509 = new X509Certificate(certPem);
  const key = createPrivateKey(privateKeyPem);
  const [tbs] = readElements(readOne(x509.raw, 0x30).content);
  const fields = readElements(expectTag(tbs, 0x30).content);
  // version, serial, algorithm, issuer, validity, subject
  const name = expectTag(fields[5], 0x30).whole;
  return authority({ key, x509, spki: spkiOf(key), subjectKeyId: subjectKeyIdOf(x509.raw), name, chain: '' });
}

/** What verifiers compare a child's authorityKeyIdentifier with. */
function subjectKeyIdOf(certificate: Buffer): Buffer {
  const id = der.oid(OID.subjectKeyIdentifier);
  const value = certificate.subarray(certificate.indexOf(id) + id.length);
  return readOne(readOne(value.subarray(0, 2 + value.readUInt8(1)), 0x04).content, 0x04).content;
}

function ocspResponse(
  issuer: Signer,
  certificate: X509Certificate,
  status: 'good' | 'revoked',
  delegate: IssuedCertificate | undefined,
): Buffer {
  const now = Date.now();
  const key = delegate === undefined ? issuer.key : createPrivateKey(delegate.key);
  const sha1 = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();
  const certId = der.sequence(
    der.sequence(der.oid(OID.sha1), der.nullValue()),
    der.octetString(sha1(issuer.name)),
    der.octetString(keyId(issuer.spki)),
    der.integer(Buffer.from(certificate.serialNumber, 'hex')),
  );
  const single = der.sequence(
    certId,
    status === 'good' ? der.taggedBytes(0, Buffer.alloc(0)) : der.tagged(1, der.generalizedTime(now - HOUR)),
    der.generalizedTime(now - HOUR),
    der.tagged(0, der.generalizedTime(now + 24 * HOUR)),
  );
  const responderKey = delegate === undefined ? issuer.spki : spkiOf(key);
  const data = der.sequence(
    der.tagged(2, der.octetString(keyId(responderKey))),
    der.generalizedTime(now),
    der.sequence(single),
  );
  const basic = der.sequence(
    data,
    algorithm(key, 'sha256'),
    der.bitString(sign('sha256', data, key)),
    ...(delegate === undefined ? [] : [der.tagged(0, der.sequence(delegate.x509.raw))]),
  );
  return der.sequence(der.enumerated(0), der.tagged(0, der.sequence(der.oid(OID.ocspBasic), der.octetString(basic))));
}
