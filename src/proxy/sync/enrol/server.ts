// SPDX-License-Identifier: Apache-2.0
// What enrolment asks of a control plane, and what its answers mean: a result, a refusal in the words of the protocol, or something that
// is no control plane. How requests travel is handed in.

import { hasMembers, isText, isWhole, type MemberTests } from '../../../contract/members.ts';
import { SYNC_ERRORS, type SyncErrorCode } from '../../../contract/sync/errors.ts';
import { LIMITS, PROTOCOL, PROTOCOL_HEADER } from '../../../contract/sync/limits.ts';
import type { Http, Reply } from '../http.ts';
import type { KeyPair } from './device-keys.ts';
import { EnrolError } from './enrol-error.ts';

/** For one request and its answer. Milliseconds. */
const ANSWER_MS = 30_000;

export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Without a slash in front: a server's URL may have a path of its own. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Who signs it, and when by the server's clock, in seconds since the Unix epoch. */
  readonly signer?: { readonly pair: KeyPair; readonly created: () => number };
}

/** One request to the control plane. Never rejects, follows no redirect, reads no more than the protocol allows. */
export type Ask = (asked: Asked) => Promise<Reply>;

export function askThrough(http: Pick<Http, 'ask'>): Ask {
  return ({ signer, ...asked }) =>
    http.ask({
      ...asked,
      ...(signer !== undefined && {
        signer: () => ({ kid: signer.pair.kid, key: signer.pair.sign, created: signer.created() }),
      }),
      most: LIMITS.document,
      ms: ANSWER_MS,
    });
}

/** The members that `tests` knows of an answer; servers may send more. Throws EnrolError for all but that. */
export function readAnswer<T>(reply: Reply, tests: MemberTests<T>): T {
  const picked = pick(readJson(reply), Object.keys(tests));
  if (hasMembers<T>(picked, tests)) return picked;
  throw new EnrolError('answer', 'the server’s answer is not what the protocol says');
}

/** The JSON of an answer with status 200. Throws EnrolError. */
export function readJson(reply: Reply): unknown {
  if (reply.kind === 'none') throw unreached(reply.why);
  const { status, headers, body } = reply;
  if (status >= 300 && status < 400) {
    throw new EnrolError('redirect', 'the server answers with a redirect; name the address that it leads to');
  }
  const value = parse(body);
  if (headers[PROTOCOL_HEADER] !== PROTOCOL) throw notControlPlane(reply, value);
  if (status === 200) {
    if (value === undefined) throw new EnrolError('answer', 'the server’s answer is not JSON');
    return value;
  }
  const { error, now } = pick(value, ['error', 'now']);
  if (!isCode(error) || SYNC_ERRORS[error].status !== status) {
    throw new EnrolError('answer', `the server answers with status ${status}, and with no word of the protocol`);
  }
  throw new EnrolError(error, SYNC_ERRORS[error].text, {
    ...(isWhole(now, 0) && { now }),
    ...(isText(headers['retry-after']) && { retryAfter: headers['retry-after'].slice(0, 64) }),
  });
}

function notControlPlane({ status, headers }: Reply & { kind: 'answer' }, value: unknown): EnrolError {
  const spoken = headers[PROTOCOL_HEADER];
  if (isText(spoken) && /^outpost-sync\/\d{1,6}$/.test(spoken)) {
    return new EnrolError(
      'protocol',
      `the server speaks ${spoken}, this agent ${PROTOCOL}; update the older of the two`,
    );
  }
  const { error } = pick(value, ['error']);
  const what = error === 'protocol' ? 'does not speak this agent’s protocol' : `is no control plane (status ${status})`;
  return new EnrolError(
    'not-control-plane',
    `what answers there ${what}; the address may be wrong, or a proxy or a network’s sign-in page is in between`,
  );
}

/** OpenSSL's codes of a certificate that is not believed, as Node hands them on. */
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH_|CA_MD_|EE_KEY_|OUT_UPSTREAM_UNTRUSTED)/;
const TLS = /^(?:ERR_SSL_|ERR_TLS_|EPROTO)/;

/** Words of http.ts for answers that came, and are none. */
const NO_ANSWER: ReadonlySet<string> = new Set(['too-large', 'encoded', 'undelimited']);

function unreached(why: string): EnrolError {
  const code = /^[\w-]{1,64}$/.test(why) ? why : 'unknown';
  if (NO_ANSWER.has(code)) {
    return new EnrolError('answer', `the server’s answer is not what the protocol says (${code})`);
  }
  if (CERTIFICATE.test(code)) {
    const text = `the server’s certificate is not trusted (${code}); if your organisation has an authority of its own, this system must know it`;
    return new EnrolError('tls', text);
  }
  if (TLS.test(code)) return new EnrolError('tls', `the server does not speak TLS as it should (${code})`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new EnrolError('unreachable', `the server’s name is not known here (${code})`);
  }
  return new EnrolError('unreachable', `the server does not answer (${code})`);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function isCode(value: unknown): value is SyncErrorCode {
  return isText(value) && Object.hasOwn(SYNC_ERRORS, value);
}

/** These members of a plain object, as far as it has them itself. */
export function pick(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}
