// SPDX-License-Identifier: Apache-2.0
// What an answer to a batch means. Pure. Everything in it is the network's word until it has the form of the protocol; whether it is true
// is judged by send.ts.

import { assertNever } from '../../contract/assert-never.ts';
import { hasMembers, isText, isWhole } from '../../contract/members.ts';
import { SYNC_ERRORS, type SyncErrorCode } from '../../contract/sync/errors.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/limits.ts';
import type { SignedObject } from '../../contract/sync/words.ts';
import { isEpoch, isHash, isReceipt } from './acknowledged.ts';
import type { Place } from './batch.ts';

/** Longer values of Retry-After are no times. */
const LONGEST_RETRY_AFTER = 64;

export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly body: Buffer;
    }
  /** No whole answer came. `why`: a code. */
  | { readonly kind: 'none'; readonly why: string };

export type Verdict =
  | { readonly kind: 'ack'; readonly ack: Place & { readonly epoch: string }; readonly receipt: SignedObject }
  | { readonly kind: 'behind'; readonly ack: Place }
  | { readonly kind: 'fork'; readonly seq: number | undefined }
  | { readonly kind: 'split' }
  | { readonly kind: 'quarantine'; readonly seq: number }
  | { readonly kind: 'clock'; readonly now: number }
  | { readonly kind: 'refused'; readonly why: 'reenroll' | 'revoked' }
  | { readonly kind: 'failed'; readonly why: string; readonly retryAfter?: string };

export function readAnswer(reply: Reply): Verdict {
  if (reply.kind === 'none') return { kind: 'failed', why: reply.why };
  const { status, headers, body } = reply;
  const verdict = headers[PROTOCOL_HEADER] === PROTOCOL ? readBody(status, body) : undefined;
  // Without the header it is of something between us and the control plane: a sign-in page, a load balancer.
  const meaning = verdict ?? ({ kind: 'failed', why: `http-${status}` } as const);
  if (meaning.kind !== 'failed' || (status !== 429 && status !== 503)) return meaning;
  const asked = headers['retry-after'];
  return isText(asked) && asked.length <= LONGEST_RETRY_AFTER ? { ...meaning, retryAfter: asked } : meaning;
}

/** Undefined: not in the form of the protocol. Members that are not known are passed over, so that servers can grow. */
function readBody(status: number, body: Buffer): Verdict | undefined {
  let said: unknown;
  try {
    said = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (status !== 200) return readError(status, said);
  const answer = pick(said, ['ack', 'receipt']);
  const ack = pick(answer['ack'], ['epoch', 'seq', 'hash']);
  const { receipt } = answer;
  const tests = { epoch: isEpoch, seq: isSeq, hash: isHash };
  if (!hasMembers<Place & { readonly epoch: string }>(ack, tests) || !isReceipt(receipt)) return undefined;
  return { kind: 'ack', ack, receipt };
}

function readError(status: number, said: unknown): Verdict | undefined {
  const { error: code, now, ack: acknowledged, seq } = pick(said, ['error', 'now', 'ack', 'seq']);
  if (!isCode(code) || SYNC_ERRORS[code].status !== status) return undefined;
  const ack = pick(acknowledged, ['seq', 'hash']);
  const row = isSeq(seq) ? seq : undefined;
  const { agent } = SYNC_ERRORS[code];
  switch (agent) {
    case 'clock':
      return isWhole(now, 0) ? { kind: 'clock', now } : undefined;
    case 'split':
      return { kind: 'split' };
    case 'quarantine':
      return row === undefined ? undefined : { kind: 'quarantine', seq: row };
    case 'resend':
      return hasMembers<Place>(ack, { seq: (value) => isWhole(value, 0), hash: isHash })
        ? { kind: 'behind', ack }
        : undefined;
    case 'reenroll':
    case 'revoked':
      return { kind: 'refused', why: agent };
    case 'stop':
    case 'retry':
      // What one request was refused for may be mended at the server; only a fork cannot.
      return code === 'fork' ? { kind: 'fork', seq: row } : { kind: 'failed', why: code };
    default:
      return assertNever(agent);
  }
}

function isSeq(value: unknown): value is number {
  return isWhole(value, 1);
}

function isCode(value: unknown): value is SyncErrorCode {
  return isText(value) && Object.hasOwn(SYNC_ERRORS, value);
}

/** These members of a plain object, as far as it has them itself. */
function pick(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}
