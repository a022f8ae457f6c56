// SPDX-License-Identifier: Apache-2.0
// Signatures of requests in outpost-sync/1: a strict profile of RFC 9421 with Ed25519. What is signed never varies, and each header
// has one accepted spelling, so there is nothing to negotiate and nothing to parse loosely. Pure; knows no clock, no store of keys and
// no memory of nonces: those are the server's.

import { type KeyObject, sign, verify } from 'node:crypto';
import { contentDigest, matchesDigest } from './content-digest.ts';
import { thumbprintOfJwk } from './key-id.ts';

/** Why a signature is refused. */
export type SignatureProblem =
  /** One of the three headers is not there. */
  | 'missing'
  /** A header came more than once. */
  | 'repeated'
  /** Signature-Input is not in the one accepted form. */
  | 'bad-input'
  /** Signature is not in the one accepted form. */
  | 'bad-signature'
  /** Method, authority, path or query are nothing that a client may sign. */
  | 'bad-target'
  /** Content-Digest is not that of the body, or not in its one form. */
  | 'wrong-digest'
  /** The key that was looked up is not the one that the signature names. */
  | 'wrong-key'
  /** It was not made with this key for this request. */
  | 'wrong-signature';

interface Refusal {
  readonly ok: false;
  readonly problem: SignatureProblem;
}

/** What a signature says of itself. */
export interface SignatureParameters {
  /** Thumbprint of the public key that verifies it. */
  readonly keyid: string;
  /** When it was made, whole seconds since the Unix epoch, by the signer's clock. */
  readonly created: number;
  /** 16 random bytes, base64url. */
  readonly nonce: string;
}

/** Read, but not verified: nothing in it may be believed yet. */
export interface ParsedSignature extends SignatureParameters {
  readonly ok: true;
  readonly digest: string;
  readonly signature: Uint8Array;
}

export interface VerifiedSignature extends SignatureParameters {
  readonly ok: true;
}

/** Names in lower case, as node gives them. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export type SignedHeaders = Readonly<Record<'content-digest' | 'signature-input' | 'signature', string>>;

export interface RequestToSign extends SignatureParameters {
  /** As it is sent; upper case. */
  readonly method: string;
  /** Its path and query must be sent as they stand in here. */
  readonly url: URL;
  /** As it is sent, after any content coding; no bytes where there is none. */
  readonly body: Uint8Array;
  /** Ed25519, private. */
  readonly key: KeyObject;
}

/** A request target in origin form, cut at its first question mark. */
export interface Target {
  /** As it came; empty stands for "/". */
  readonly path: string;
  /** As it came, with its question mark; empty where there is none. */
  readonly query: string;
}

export interface RequestToVerify extends Target {
  readonly method: string;
  /** Host of HTTP/1.1, :authority of HTTP/2. */
  readonly authority: string;
  /** The client's scheme, which says what port is the default; https unless told, also behind a proxy that ends TLS. */
  readonly scheme?: 'https' | 'http';
  readonly headers: ReceivedHeaders;
  readonly body: Uint8Array;
  /** The key that the server knows by the keyid. */
  readonly publicKey: KeyObject;
}

/** Seconds that the clocks of both ends may differ; SIGNATURE_WINDOW_S of the contract, which would load zod. */
const WINDOW_S = 300;

// Base64 of a fixed length ends in a character whose spare bits are zero: two bits after 32 bytes, four after 16 and 64.
const INPUT =
  /^outpost=\("@method" "@authority" "@path" "@query" "content-digest"\);created=([1-9]\d{0,14});keyid="([\w-]{42}[AEIMQUYcgkosw048])";nonce="([\w-]{21}[AQgw])"$/;
const SIGNATURE = /^outpost=:([A-Za-z0-9+/]{85}[AQgw]==):$/;

const METHOD = /^[A-Z][A-Z-]*$/;
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** Visible ASCII without "#" and "?". */
const PATH = /^\/[!"$->@-~]*$/;
/** Visible ASCII without "#". */
const QUERY = /^\?[!"$-~]*$/;

type Component = readonly [name: string, value: string];
type Parameter = readonly [name: string, value: string | number];

interface SignatureBase {
  readonly input: string;
  readonly base: Uint8Array;
}

/**
 * RFC 9421 2.5: the bytes that are signed, and the list of components with its parameters that Signature-Input repeats. Values come
 * checked: visible ASCII, and no quotes in parameters.
 */
export function signatureBase(components: readonly Component[], parameters: readonly Parameter[]): SignatureBase {
  const names = components.map(([name]) => `"${name}"`).join(' ');
  const said = parameters.map(([name, value]) => `;${name}=${typeof value === 'number' ? value : `"${value}"`}`);
  const input = `(${names})${said.join('')}`;
  const lines = components.map(([name, value]) => `"${name}": ${value}\n`).join('');
  return { input, base: Buffer.from(`${lines}"@signature-params": ${input}`, 'latin1') };
}

type Covered = Pick<RequestToVerify, 'method' | 'authority' | 'path' | 'query'> & {
  readonly scheme: 'https' | 'http';
  readonly digest: string;
};

/** The base of this profile; undefined for a request that nobody may sign. */
function profileBase(request: Covered, { created, keyid, nonce }: SignatureParameters): SignatureBase | undefined {
  const { method, authority, scheme, digest } = request;
  const path = request.path === '' ? '/' : request.path;
  const query = request.query === '' ? '?' : request.query;
  if (!METHOD.test(method) || !AUTHORITY.test(authority) || !PATH.test(path) || !QUERY.test(query)) return undefined;
  const port = scheme === 'https' ? /:443$/ : /:80$/;
  return signatureBase(
    [
      ['@method', method],
      ['@authority', authority.toLowerCase().replace(port, '')],
      ['@path', path],
      ['@query', query],
      ['content-digest', digest],
    ],
    [
      ['created', created],
      ['keyid', keyid],
      ['nonce', nonce],
    ],
  );
}

/** The headers that sign a request. All three are always sent, also with an empty body. Throws on what the profile cannot say. */
export function signRequest(request: RequestToSign): SignedHeaders {
  const { method, url, body, key } = request;
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  if (url.protocol !== `${scheme}:`) throw new TypeError('only http and https requests can be signed');
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('only Ed25519 keys sign requests');
  const digest = contentDigest(body);
  const covered = { method, authority: url.host, scheme, path: url.pathname, query: url.search, digest } as const;
  const made = profileBase(covered, request);
  if (made === undefined || !INPUT.test(`outpost=${made.input}`)) {
    throw new TypeError('the request does not fit the signature profile');
  }
  const signature = sign(null, made.base, key).toString('base64');
  return {
    'content-digest': digest,
    'signature-input': `outpost=${made.input}`,
    signature: `outpost=:${signature}:`,
  };
}

const refused = (problem: SignatureProblem): Refusal => ({ ok: false, problem });

/** None of the headers has a comma in its one form; node joins repeated ones with it. */
const isSingle = (value: string | readonly string[]): value is string =>
  typeof value === 'string' && !value.includes(',');

/** What the headers say, so that the server can look the key up. Proves nothing. */
export function parseSignature(headers: ReceivedHeaders): ParsedSignature | Refusal {
  const { 'content-digest': digest, 'signature-input': input, signature } = headers;
  if (digest === undefined || input === undefined || signature === undefined) return refused('missing');
  if (!isSingle(digest) || !isSingle(input) || !isSingle(signature)) return refused('repeated');
  const [, created, keyid, nonce] = INPUT.exec(input) ?? [];
  if (created === undefined || keyid === undefined || nonce === undefined) return refused('bad-input');
  const base64 = SIGNATURE.exec(signature)?.[1];
  if (base64 === undefined) return refused('bad-signature');
  return { ok: true, keyid, created: Number(created), nonce, digest, signature: Buffer.from(base64, 'base64') };
}

/**
 * Whether the holder of the key made this request. The caller still has to ask `isFresh`, refuse a nonce that it has seen within twice
 * the window, and decide whether `authority` is its own.
 */
export function verifyRequest(request: RequestToVerify): VerifiedSignature | Refusal {
  const { scheme = 'https', body, publicKey } = request;
  const parsed = parseSignature(request.headers);
  if (!parsed.ok) return parsed;
  const { keyid, created, nonce, digest, signature } = parsed;
  if (!matchesDigest(digest, body)) return refused('wrong-digest');
  const { method, authority, path, query } = request;
  const expected = profileBase({ method, authority, scheme, path, query, digest }, parsed);
  if (expected === undefined) return refused('bad-target');
  if (publicKey.asymmetricKeyType !== 'ed25519' || thumbprint(publicKey) !== keyid) return refused('wrong-key');
  if (!verify(null, expected.base, publicKey, signature)) return refused('wrong-signature');
  return { ok: true, keyid, created, nonce };
}

/** Cuts a raw request target (`req.url` of node) for verifyRequest. Nothing is decoded or put right: the client signed what it sent. */
export function splitTarget(target: string): Target {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark) };
}

/** Whether a signature was made within the window around now, both ends included. All in seconds. */
export function isFresh(created: number, nowSeconds: number, window = WINDOW_S): boolean {
  return Math.abs(nowSeconds - created) <= window;
}

const thumbprints = new WeakMap<KeyObject, string>();

/** RFC 7638 with RFC 8037, of a public Ed25519 or X25519 key. Throws for any other key. Remembered with the key: a server asks each time. */
export function thumbprint(publicKey: KeyObject): string {
  const known = thumbprints.get(publicKey);
  if (known !== undefined) return known;
  const made = makeThumbprint(publicKey);
  thumbprints.set(publicKey, made);
  return made;
}

function makeThumbprint(publicKey: KeyObject): string {
  if (publicKey.type === 'public') {
    const { kty, crv, x } = publicKey.export({ format: 'jwk' });
    if (x !== undefined && kty === 'OKP' && (crv === 'Ed25519' || crv === 'X25519'))
      return thumbprintOfJwk({ crv, kty, x });
  }
  throw new TypeError('only public Ed25519 and X25519 keys have a thumbprint here');
}
