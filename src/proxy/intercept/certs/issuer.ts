// SPDX-License-Identifier: Apache-2.0
// Owns: the intermediate that stands between the device root and the leaves, and the leaves it signs. Memory only.
// Must not know files, caches or sockets.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { OutpostError } from '../../../contract/errors.ts';
import type { SigningRoot } from './ca-state.ts';
import { toPem } from './der.ts';
import { type PermittedNames, permits } from './name-constraints.ts';
import {
  emptyCrl,
  intermediateCertificate,
  leafSigner,
  positiveSerial,
  type Signer,
  type SignLeaf,
  subjectKey,
  type Validity,
} from './profile.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Clients' clocks may be behind ours by as much. */
const SKEW_MS = HOUR_MS;
const LEAF_MS = 30 * DAY_MS;
const ISSUER_MS = 90 * DAY_MS;
/** A leaf is made anew in its last day, an intermediate while a whole leaf still fits into it. */
const LEAF_RENEW_MS = DAY_MS;
const ISSUER_RENEW_MS = LEAF_MS + DAY_MS;
const CRL_MS = 7 * DAY_MS;

/** A window of wall time, milliseconds since the epoch, in which something made now may be used without a new one. */
interface UsableWindow {
  readonly from: number;
  readonly until: number;
}

export interface Issuer extends Signer, UsableWindow {
  /** Names the CRL that this intermediate signs. Unlike any other intermediate's, since clients cache CRLs by address. */
  readonly id: string;
  readonly permitted: PermittedNames;
  readonly root: SigningRoot;
  readonly validity: Validity;
  /** What a server sends after the leaf: the intermediate, then the cross-certificate if there is one. PEM. */
  readonly chain: string;
  readonly signLeaf: SignLeaf;
  /** One key for all leaves of this intermediate: whoever could read it could read the intermediate's as well. */
  readonly leafKeyPem: string;
}

export interface Leaf extends UsableWindow {
  /** Leaf first, then what stands above it, PEM. */
  readonly chain: string;
}

/** Where the CRL of a signer is served. */
const crlUrl = (base: string, id: string): string => `${base}/crl/${id}.crl`;

/** The name of a signer's CRL: 16 hex digits of its key identifier. */
export const crlId = (signer: Signer): string => signer.keyId.toString('hex').slice(0, 16);

/** At least an hour away: with a root about to expire, or gone, nothing is made anew for every connection. */
const renewal = (now: number, notAfter: number, early: number): UsableWindow => ({
  from: now - SKEW_MS,
  until: Math.max(notAfter - early, now + HOUR_MS),
});

/** @param now milliseconds since the epoch. @param crlBaseUrl e.g. `http://127.0.0.1:4141`, no slash at the end. */
export function makeIssuer(root: SigningRoot, permitted: PermittedNames, now: number, crlBaseUrl: string): Issuer {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = subjectKey(key);
  const id = subject.id.toString('hex').slice(0, 16);
  // The name is new with each key, so that no client mistakes this intermediate for one it has cached.
  const commonName = `${root.commonName.replace('Root', 'Issuer')} ${id}`;
  const validity = {
    notBefore: now - SKEW_MS,
    notAfter: Math.min(now + ISSUER_MS, root.certificate.validToDate.getTime()),
  };
  const certificate = intermediateCertificate({
    commonName,
    key: subject,
    serial: positiveSerial(randomBytes(16)),
    validity,
    signer: root,
    permitted,
    crlUrl: crlUrl(crlBaseUrl, crlId(root)),
  });
  const issuer: Signer = { key, commonName, keyId: subject.id };
  return {
    ...issuer,
    id,
    permitted,
    root,
    validity,
    ...renewal(now, validity.notAfter, ISSUER_RENEW_MS),
    chain: toPem('CERTIFICATE', certificate) + (root.crossCertificate ?? ''),
    signLeaf: leafSigner({ key: subjectKey(leaf.privateKey), signer: issuer, crlUrl: crlUrl(crlBaseUrl, id) }),
    leafKeyPem: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * @param name canonical.
 * @throws OutpostError OUT_INTERNAL for a name outside of the constraints: clients would refuse it, and somebody decided
 * to intercept a host that is not governed.
 */
export function makeLeaf(issuer: Issuer, name: string, now: number): Leaf {
  if (!permits(issuer.permitted, name)) throw new OutpostError('OUT_INTERNAL', `${name} is not a governed name`);
  const notBefore = now - SKEW_MS;
  const validity = { notBefore, notAfter: Math.min(notBefore + LEAF_MS, issuer.validity.notAfter) };
  const certificate = issuer.signLeaf(name, positiveSerial(randomBytes(16)), validity);
  return {
    chain: toPem('CERTIFICATE', certificate) + issuer.chain,
    ...renewal(now, validity.notAfter, LEAF_RENEW_MS),
  };
}

/** An empty CRL, good for a week. @param now milliseconds since the epoch. */
export const makeCrl = (signer: Signer, now: number): Buffer =>
  emptyCrl(signer, { notBefore: now - SKEW_MS, notAfter: now + CRL_MS }, Math.max(0, Math.floor(now / 1_000)));
