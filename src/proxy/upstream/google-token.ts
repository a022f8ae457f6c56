// SPDX-License-Identifier: Apache-2.0
// Bearer tokens for Google's service accounts: an assertion signed with the account's key is exchanged at its token endpoint (RFC 7523).
// Owns the cache of tokens. Must not know sockets, providers or calls: sending is given.

import { createHash, sign } from 'node:crypto';
import type { Clock } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import type { Secret } from '../policy/policy.ts';

type GoogleSecret = Extract<Secret, { readonly kind: 'google' }>;

/** A POST of a form. Bounds the answer's size and time; rejects with an OutpostError when there is no answer. */
export type PostForm = (url: string, form: string) => Promise<{ readonly status: number; readonly body: string }>;

export interface GoogleTokens {
  /**
   * A token that is valid for some minutes more.
   * @throws GoogleTokenError, or what `post` rejects with. Neither holds a key, an assertion or a token.
   */
  token(secret: GoogleSecret): Promise<string>;
  /** Forgets the token, after the provider refused it. */
  drop(secret: GoogleSecret): void;
}

/** The token endpoint answered, but not with a token. */
export class GoogleTokenError extends OutpostError {
  /** The account or its key is refused, not just this request: another key is needed. */
  readonly refused: boolean;
  constructor(detail: string, refused: boolean) {
    super('OUT_UPSTREAM_BROKEN', `token endpoint: ${detail}`);
    this.name = 'GoogleTokenError';
    this.refused = refused;
  }
}

/** For all of Google's AI services; what the account may do there is said by its roles. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** The longest that Google allows. */
const ASSERTION_SECONDS = 3_600;

/** Google hands out a token anew for its last five minutes, and clocks differ. */
const EARLY_MS = 5 * 60_000;

/** More accounts than anybody configures; the oldest goes first. */
const MAX_TOKENS = 64;

interface Cached {
  readonly token: Promise<string>;
  /** Both, because the wall clock may be set back and the monotonic one may stand still in sleep. Infinity: not known yet. */
  wallUntil: number;
  monotonicUntil: number;
}

export function createGoogleTokens(deps: { readonly clock: Clock; readonly post: PostForm }): GoogleTokens {
  const { clock, post } = deps;
  const cache = new Map<string, Cached>();

  async function exchange(secret: GoogleSecret): Promise<{ readonly token: string; readonly seconds: number }> {
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: assertion(secret, Math.floor(clock.now() / 1000)),
    });
    const answer = await post(secret.tokenUri, form.toString());
    const { token, seconds, error } = readAnswer(answer.body);
    if (answer.status >= 200 && answer.status < 300 && token !== undefined) return { token, seconds };
    const refused = answer.status === 400 || answer.status === 401 || answer.status === 403;
    throw new GoogleTokenError(`${answer.status} ${error ?? 'no token'}`, refused);
  }

  return {
    token(secret) {
      const id = idOf(secret);
      const known = cache.get(id);
      if (known !== undefined && clock.now() < known.wallUntil && clock.monotonic() < known.monotonicUntil) {
        return known.token;
      }
      const exchanged = exchange(secret);
      const entry: Cached = {
        token: exchanged.then(({ token }) => token),
        wallUntil: Number.POSITIVE_INFINITY,
        monotonicUntil: Number.POSITIVE_INFINITY,
      };
      cache.delete(id);
      cache.set(id, entry);
      for (const oldest of cache.keys()) {
        if (cache.size <= MAX_TOKENS) break;
        cache.delete(oldest);
      }
      exchanged.then(
        ({ seconds }) => {
          const ms = seconds * 1000 - EARLY_MS;
          entry.wallUntil = clock.now() + ms;
          entry.monotonicUntil = clock.monotonic() + ms;
        },
        () => {
          // A failure is not remembered: whoever asks again decides when.
          if (cache.get(id) === entry) cache.delete(id);
        },
      );
      return entry.token;
    },
    drop: (secret) => void cache.delete(idOf(secret)),
  };
}

/** A changed key is another account. */
function idOf({ clientEmail, privateKey, tokenUri }: GoogleSecret): string {
  return createHash('sha256')
    .update(JSON.stringify([clientEmail, tokenUri, privateKey]))
    .digest('base64');
}

function assertion(secret: GoogleSecret, nowSeconds: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: secret.clientEmail,
    scope: SCOPE,
    aud: secret.tokenUri,
    iat: nowSeconds,
    exp: nowSeconds + ASSERTION_SECONDS,
  };
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  try {
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), secret.privateKey).toString('base64url')}`;
  } catch {
    // Without the cause: its text is OpenSSL's, about the key.
    throw new GoogleTokenError('the private key of the service account cannot sign', true);
  }
}

function readAnswer(body: string): { readonly token?: string; readonly seconds: number; readonly error?: string } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { seconds: 0 };
  }
  const { access_token, expires_in, error } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return {
    // It becomes a header value.
    ...(typeof access_token === 'string' && /^[!-~]{1,8192}$/.test(access_token) ? { token: access_token } : {}),
    seconds: typeof expires_in === 'number' && expires_in > 0 ? Math.min(expires_in, 86_400) : ASSERTION_SECONDS,
    ...(typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? { error } : {}),
  };
}
