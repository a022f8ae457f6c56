// SPDX-License-Identifier: Apache-2.0
// Who may use the base-URL gateway, decided from one request head. Pure apart from the uid lookup that is handed in.
// Knows nothing of providers: an unknown first segment is the exchange's business.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawHeaders } from '../exchange/call.ts';
import { type Admission, type RequestHead, refused } from '../intercept/client.ts';
import { firstValue, json, type LocalAnswer } from '../intercept/local-answer.ts';

export interface GatewayRules {
  /** Exact values of Host that name the gateway, lower case: `127.0.0.1:PORT` and its like. */
  readonly ownHosts: readonly string[];
  /** Web origins that may call, exactly as browsers send them. */
  readonly allowedOrigins: readonly string[];
  readonly requireToken: boolean;
  /** This user's token. */
  readonly token: string;
}

/** Whose process is at the other end: ours, another user's, or not known. */
export type PeerUser = 'own' | 'other' | 'unknown';

const TOKEN_HEADER = 'x-outpost-token';

const REFUSED = refused('OUT_FORBIDDEN_CLIENT');
const MALFORMED = refused('OUT_BAD_REQUEST');
/** Seconds a browser may remember the answer to a preflight. */
const PREFLIGHT_SECONDS = '600';

/**
 * In this order: Host (DNS rebinding), Origin and Sec-Fetch-Site (web pages), user, token. `/t/TOKEN/…` in front of the path stands
 * in for the header where an SDK cannot send one; the token is gone from both before the call goes on.
 */
export function admitToGateway(head: RequestHead, rules: GatewayRules, user: PeerUser): Admission {
  if (!rules.ownHosts.includes(head.authority.toLowerCase())) return REFUSED;
  const origin = firstValue(head.headers, 'origin');
  const allowed = origin !== undefined && rules.allowedOrigins.includes(origin);
  if (origin !== undefined && !allowed) return REFUSED;
  // Requests that a page makes without Origin (images, forms, navigation) still say where they come from.
  const site = firstValue(head.headers, 'sec-fetch-site');
  if (!allowed && site !== undefined && site !== 'none' && site !== 'same-origin') return REFUSED;
  if (user === 'other') return REFUSED;
  const cors = allowed ? ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin'] : [];
  if (allowed && head.method === 'OPTIONS' && firstValue(head.headers, 'access-control-request-method') !== undefined) {
    return { kind: 'answer', answer: preflight(head.headers, cors), code: undefined };
  }
  if (!head.target.startsWith('/')) return MALFORMED;
  const inPath = /^\/t\/([^/?]+)(?=\/|\?|$)/.exec(head.target);
  const target = inPath === null ? head.target : head.target.slice(inPath[0].length);
  const given = firstValue(head.headers, TOKEN_HEADER) ?? inPath?.[1];
  if (given !== undefined && !sameText(given, rules.token)) return REFUSED;
  if (given === undefined && (rules.requireToken || user === 'unknown')) return REFUSED;
  if (target === '' || target === '/' || target.startsWith('?')) {
    return { kind: 'answer', answer: json(200, WHAT_THIS_IS, cors), code: undefined };
  }
  const [, provider = '', rest = ''] = /^\/([^/?]*)(.*)$/s.exec(target) ?? [];
  return {
    kind: 'call',
    host: '',
    port: 0,
    provider,
    target: rest.startsWith('/') ? rest : `/${rest}`,
    headers: without(head.headers, TOKEN_HEADER),
    replyHeaders: cors,
  };
}

const WHAT_THIS_IS = {
  name: 'Outpost gateway',
  use: 'Set the base URL of an AI SDK to this address plus /openai, /anthropic, /gemini or the name of a provider.',
};

function preflight(headers: RawHeaders, cors: RawHeaders): LocalAnswer {
  const method = firstValue(headers, 'access-control-request-method') ?? '';
  const names = firstValue(headers, 'access-control-request-headers');
  const fromPublic = firstValue(headers, 'access-control-request-private-network') === 'true';
  return {
    status: 204,
    headers: [
      ...cors,
      ...['Access-Control-Allow-Methods', method],
      ...(names === undefined ? [] : ['Access-Control-Allow-Headers', names]),
      ...(fromPublic ? ['Access-Control-Allow-Private-Network', 'true'] : []),
      ...['Access-Control-Max-Age', PREFLIGHT_SECONDS],
    ],
    body: '',
  };
}

/** Takes the same time wherever the texts differ, and whatever their lengths. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function without(headers: RawHeaders, name: string): RawHeaders {
  return headers.filter((_, at) => headers[at - (at % 2)]?.toLowerCase() !== name);
}
