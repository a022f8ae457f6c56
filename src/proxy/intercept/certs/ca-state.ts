// SPDX-License-Identifier: Apache-2.0
// Owns: what a device's certificate authority consists of: its current root with key, the root before it without, and how
// both are written down. Pure but for key generation. Must not know files, leaves or clients.
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { OutpostError } from '../../../contract/errors.ts';
import { isText, isWhole, type MemberTests, wrongMembers } from '../../../contract/members.ts';
import { toPem } from './der.ts';
import { positiveSerial, rootCertificate, type Signer, subjectKey, type Validity } from './profile.ts';

const DAY_MS = 86_400_000;

/**
 * Ten years, as roots commonly last. A shorter life would not protect: whoever reads the key may use it at once. The day
 * before covers a device whose clock was ahead when the root was made.
 */
const ROOT_VALIDITY_MS = 3_650 * DAY_MS;
const ROOT_BACKDATE_MS = DAY_MS;

/** A root that clients should trust. */
export interface TrustedRoot {
  readonly generation: number;
  readonly certificate: X509Certificate;
}

/** The root that signs today. Its private key never leaves the state file and this value. */
export interface SigningRoot extends TrustedRoot, Signer {
  /** This root's name and key under the root before it (PEM), for clients that have not learnt this one yet. */
  readonly crossCertificate: string | undefined;
}

export interface CaState {
  /** Eight hex digits that tell this device's names from any other's. Random: it says nothing about the device. */
  readonly device: string;
  readonly current: SigningRoot;
  readonly previous: TrustedRoot | undefined;
}

interface RootEntry {
  readonly generation: number;
  readonly certificate: string;
}

interface SigningEntry extends RootEntry {
  readonly key: string;
  readonly crossCertificate?: string;
}

interface StateFile {
  readonly version: 1;
  readonly device: string;
  readonly current: SigningEntry;
  readonly previous?: RootEntry;
}

const isPemText = (value: unknown): boolean => isText(value) && value.length <= 8_192;

const ROOT_ENTRY: MemberTests<RootEntry> = {
  generation: (value) => isWhole(value, 1) && value <= 1_000_000,
  certificate: isPemText,
};

const SIGNING_ENTRY: MemberTests<SigningEntry> = {
  ...ROOT_ENTRY,
  key: isPemText,
  crossCertificate: (value) => value === undefined || isPemText(value),
};

/** The entries `current` and `previous` have tests of their own. */
const STATE_FILE: MemberTests<StateFile> = {
  version: (value) => value === 1,
  device: (value) => isText(value) && /^[0-9a-f]{8}$/.test(value),
  current: () => true,
  previous: () => true,
};

/** Paths of what is wrong. Never values: one of them is the key. */
function wrongIn(json: unknown): readonly string[] {
  const wrong = wrongMembers(json, STATE_FILE);
  if (wrong.length > 0) return wrong;
  const { current, previous } = json as StateFile;
  return [
    ...wrongMembers(current, SIGNING_ENTRY).map((name) => `current.${name}`),
    ...(previous === undefined ? [] : wrongMembers(previous, ROOT_ENTRY).map((name) => `previous.${name}`)),
  ];
}

const rootName = (device: string, generation: number): string => `Outpost Device Root ${device} G${generation}`;

/** Any device's root or intermediate, by name: what we must never trust upstream, whoever's it is. */
const OUR_SUBJECT = /^O=Outpost\nCN=Outpost Device (?:Root|Issuer) [0-9a-f]{8} G\d+/;

const spkiSha256 = (certificate: X509Certificate): string =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** Is this certificate one of this authority's roots, or any Outpost authority's by its name? */
export function isOwnRoot(state: CaState, certificate: X509Certificate): boolean {
  if (OUR_SUBJECT.test(certificate.subject)) return true;
  const known = [state.current, ...(state.previous === undefined ? [] : [state.previous])];
  return known.some((root) => spkiSha256(root.certificate) === spkiSha256(certificate));
}

function makeRoot(device: string, generation: number, now: number, above: SigningRoot | undefined): SigningRoot {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = rootName(device, generation);
  const subject = subjectKey(key);
  const self: Signer = { key, commonName, keyId: subject.id };
  const make = (signer: Signer, validity: Validity): string =>
    toPem(
      'CERTIFICATE',
      rootCertificate({ commonName, key: subject, serial: positiveSerial(randomBytes(16)), validity, signer }),
    );
  const validity = { notBefore: now - ROOT_BACKDATE_MS, notAfter: now + ROOT_VALIDITY_MS };
  const crossed = above !== undefined && above.certificate.validToDate.getTime() > now;
  return {
    ...self,
    generation,
    certificate: new X509Certificate(make(self, validity)),
    crossCertificate: crossed
      ? make(above, { ...validity, notAfter: above.certificate.validToDate.getTime() })
      : undefined,
  };
}

/** A new device authority with its first root. @param now milliseconds since the epoch. */
export function createState(now: number): CaState {
  const device = randomBytes(4).toString('hex');
  return { device, current: makeRoot(device, 1, now, undefined), previous: undefined };
}

/**
 * The next generation. The root so far stays trusted but loses its key: all it still has to do, the cross-certificate,
 * is signed here. The root before that one is forgotten.
 */
export function rotateState(state: CaState, now: number): CaState {
  const { generation, certificate } = state.current;
  return {
    device: state.device,
    current: makeRoot(state.device, generation + 1, now, state.current),
    previous: { generation, certificate },
  };
}

/** Holds the private key: for the state file and nothing else. */
export function stateText({ device, current, previous }: CaState): string {
  const file: StateFile = {
    version: 1,
    device,
    current: {
      generation: current.generation,
      certificate: current.certificate.toString(),
      key: current.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      ...(current.crossCertificate === undefined ? {} : { crossCertificate: current.crossCertificate }),
    },
    ...(previous === undefined
      ? {}
      : { previous: { generation: previous.generation, certificate: previous.certificate.toString() } }),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const damaged = (what: string): OutpostError => new OutpostError('OUT_CA_UNUSABLE', what);

/** @throws OutpostError OUT_CA_UNUSABLE, saying what is wrong, never quoting the content. */
export function parseState(text: string): CaState {
  const { device, current, previous } = parseFile(text);
  const certificate = readRoot(current.certificate, device, current.generation);
  const key = readKey(current.key);
  if (!certificate.checkPrivateKey(key)) throw damaged('the root key does not belong to the root certificate');
  if (previous !== undefined && previous.generation !== current.generation - 1) {
    throw damaged('the generations do not follow each other');
  }
  if (current.crossCertificate !== undefined) {
    const cross = readCertificate(current.crossCertificate);
    if (spkiSha256(cross) !== spkiSha256(certificate)) throw damaged('the cross-certificate is of another key');
  }
  return {
    device,
    current: {
      generation: current.generation,
      certificate,
      key,
      commonName: rootName(device, current.generation),
      keyId: subjectKey(key).id,
      crossCertificate: current.crossCertificate,
    },
    previous:
      previous === undefined
        ? undefined
        : {
            generation: previous.generation,
            certificate: readRoot(previous.certificate, device, previous.generation),
          },
  };
}

function parseFile(text: string): StateFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('the state file is not JSON');
  }
  const wrong = wrongIn(json);
  if (wrong.length > 0) throw damaged(`the state file is wrong at ${wrong.join(', ')}`);
  return json as StateFile;
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw damaged('a certificate in the state file cannot be read');
  }
}

function readRoot(pem: string, device: string, generation: number): X509Certificate {
  const certificate = readCertificate(pem);
  const expected = `O=Outpost\nCN=${rootName(device, generation)}`;
  if (certificate.subject !== expected || !certificate.ca || !certificate.verify(certificate.publicKey)) {
    throw damaged(`the certificate of generation ${generation} is not this device's root`);
  }
  return certificate;
}

function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw damaged('the root key cannot be read');
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw damaged('the root key is not a P-256 key');
  return key;
}
