// SPDX-License-Identifier: Apache-2.0
// What a control plane's answers mean: a result, no change, a refusal in the words of the protocol, or nothing usable. Corrects the date of
// signatures when the server asks for it, once. Knows no object and no state of the device.

import type { Clock } from '../../contract/clock.ts';
import { isText, isWhole } from '../../contract/members.ts';
import { SYNC_ERRORS, type SyncErrorCode } from '../../contract/sync/errors.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/limits.ts';
import { type Random, retryAfterDelay } from './backoff.ts';
import { parseJson } from './container.ts';
import type { Asked, Http, Reply, Signer } from './http.ts';

/** One document or report; a slow line takes a few seconds. Milliseconds. */
export const REQUEST_MS = 30_000;
/** Longer values of Retry-After are no times. */
const LONGEST_RETRY_AFTER = 64;
const LONGEST_ETAG = 256;

export type Answer =
  | { readonly kind: 'ok'; readonly body: Buffer; readonly etag: string | undefined }
  /** It is still what the entity tag names. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly code: SyncErrorCode; readonly retryAfterMs: number | undefined }
  /** No answer of a control plane. `why`: a code. */
  | { readonly kind: 'failed'; readonly why: string; readonly retryAfterMs: number | undefined };

/** Something that went wrong; what of it tells the device to act is judged by the machine. */
export type Failure = Exclude<Answer, { kind: 'ok' | 'unchanged' }>;

export interface GetOptions {
  readonly signed: boolean;
  readonly etag?: string | undefined;
  readonly most: number;
  readonly ms?: number;
}

export interface Client {
  /** Never rejects. @param path without a slash in front */
  get(path: string, options: GetOptions): Promise<Answer>;
  /** Signed. Never rejects. */
  post(path: string, body: unknown, most: number): Promise<Answer>;
}

export interface ClientOptions {
  readonly http: Http;
  readonly signer: () => Signer;
  /** The server told its own time; true: signatures are dated by it from now on. */
  readonly onClock: (serverNow: number) => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

export function createClient({ http, signer, onClock, clock, random }: ClientOptions): Client {
  async function ask(asked: Asked): Promise<Answer> {
    const reply = await http.ask(asked);
    const answer = readReply(reply, clock.now(), random);
    if (answer.kind !== 'refused' || answer.code !== 'clock' || asked.signer === undefined) return answer;
    const serverNow = reply.kind === 'answer' ? serverTime(reply.body) : undefined;
    if (serverNow === undefined || !onClock(serverNow)) return answer;
    return readReply(await http.ask(asked), clock.now(), random);
  }
  return {
    get: (path, { signed, etag, most, ms = REQUEST_MS }) =>
      ask({
        method: 'GET',
        path,
        most,
        ms,
        signer: signed ? signer : undefined,
        headers: etag === undefined ? {} : { 'if-none-match': etag },
      }),
    post: (path, body, most) => ask({ method: 'POST', path, body, most, ms: REQUEST_MS, signer }),
  };
}

function serverTime(body: Uint8Array): number | undefined {
  const said = parseJson(body);
  const now = typeof said === 'object' && said !== null ? (said as { now?: unknown }).now : undefined;
  return isWhole(now, 0) ? now : undefined;
}

/** @param now wall time, for a Retry-After with a date */
export function readReply(reply: Reply, now: number, random: Random): Answer {
  if (reply.kind === 'none') return { kind: 'failed', why: reply.why, retryAfterMs: undefined };
  const { status, headers, body } = reply;
  const asked = headers['retry-after'];
  const retryAfterMs =
    isText(asked) && asked.length <= LONGEST_RETRY_AFTER ? retryAfterDelay(asked, now, random) : undefined;
  // Without the header it is of something between us and the control plane: a sign-in page, a load balancer.
  if (headers[PROTOCOL_HEADER] !== PROTOCOL) {
    const passing = status === 429 || status === 503;
    return { kind: 'failed', why: 'not-control-plane', retryAfterMs: passing ? retryAfterMs : undefined };
  }
  if (status === 200) {
    const { etag } = headers;
    return { kind: 'ok', body, etag: isText(etag) && etag.length <= LONGEST_ETAG ? etag : undefined };
  }
  if (status === 304) return { kind: 'unchanged' };
  const code = errorCode(status, body);
  if (code === undefined) return { kind: 'failed', why: `http-${status}`, retryAfterMs };
  return { kind: 'refused', code, retryAfterMs };
}

/** undefined: not in the form of the protocol. */
function errorCode(status: number, body: Uint8Array): SyncErrorCode | undefined {
  const said = parseJson(body);
  const code = typeof said === 'object' && said !== null ? (said as { error?: unknown }).error : undefined;
  if (!isText(code) || !Object.hasOwn(SYNC_ERRORS, code)) return undefined;
  return SYNC_ERRORS[code as SyncErrorCode].status === status ? (code as SyncErrorCode) : undefined;
}
