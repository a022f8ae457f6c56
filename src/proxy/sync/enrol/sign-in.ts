// SPDX-License-Identifier: Apache-2.0
// Tells the organisation who uses this device: the person signs in with the browser, the server learns who it was. Keeps the verifier; sees
// no token (RFC 8252, RFC 7636). Knows no browser and no terminal.

import { createHash } from 'node:crypto';
import type { Clock } from '../../../contract/clock.ts';
import { isText, isWhole } from '../../../contract/members.ts';
import type { KeyPair } from './device-keys.ts';
import { atServerTime, discover } from './discover.ts';
import { EnrolError } from './enrol-error.ts';
import { listenForRedirect, type Redirected } from './redirect.ts';
import { type Ask, readAnswer } from './server.ts';

/** For a person to find the password. Milliseconds. */
const SIGN_IN_MS = 300_000;

export interface SignInParts {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly pair: KeyPair;
  readonly random: (bytes: number) => Buffer;
  /** Where to sign in. Called once. */
  readonly show: (url: URL) => void;
  readonly signal?: AbortSignal;
}

export interface SignedIn {
  readonly user: string;
  readonly groups: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}

/** Throws EnrolError. */
export async function signIn({ ask, clock, pair, random, show, signal }: SignInParts): Promise<SignedIn> {
  const time = await discover(ask, clock);
  const signer = { pair, created: time.created };
  const state = random(32).toString('base64url');
  const verifier = random(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier, 'latin1').digest('base64url');
  const redirect = await listenForRedirect(state);
  try {
    const wish = { v: 1, redirect_uri: redirect.uri, code_challenge: challenge, state };
    const { url } = await atServerTime(time, async () =>
      readAnswer<{ readonly url: string }>(await ask({ method: 'POST', path: 'v1/bind/start', body: wish, signer }), {
        url: isText,
      }),
    );
    show(webAddress(url));
    const came = await withinTime(redirect.redirected, clock, signal);
    if (came.kind === 'refused') throw new EnrolError('sign-in', refusal(came));
    const proof = { v: 1, state, code: came.code, code_verifier: verifier };
    return await atServerTime(time, async () =>
      readAnswer<SignedIn>(await ask({ method: 'POST', path: 'v1/bind', body: proof, signer }), {
        user: isShown,
        groups: (value) => Array.isArray(value) && value.every(isShown),
        until: (value) => isWhole(value, 0),
      }),
    );
  } finally {
    await redirect.close();
  }
}

/** It is opened by a program that does much with addresses of other kinds. */
function webAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url?.protocol === 'http:' && (url.hostname === '127.0.0.1' || url.hostname === '[::1]');
  if (url !== undefined && (url.protocol === 'https:' || loopback) && url.username === '' && url.password === '')
    return url;
  throw new EnrolError('answer', 'the server names no web address to sign in at');
}

const isShown = (value: unknown): boolean => isText(value) && value.length <= 256 && !/\p{Cc}/u.test(value);

async function withinTime(
  redirected: Promise<Redirected>,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Redirected> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = clock.after(SIGN_IN_MS, () =>
    reject(new EnrolError('sign-in', 'nobody signed in within five minutes')),
  );
  const stop = (): void => reject(new EnrolError('sign-in', 'the sign-in was broken off'));
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    return await Promise.race([redirected, never]);
  } finally {
    timer.clear();
    signal?.removeEventListener('abort', stop);
  }
}

/** RFC 6749, 4.1.2.1, and OpenID Connect Core, 3.1.2.6. */
const REFUSALS: Readonly<Record<string, string>> = {
  access_denied: 'the sign-in was refused or cancelled',
  login_required: 'the identity provider asks for a sign-in that did not take place',
  interaction_required: 'the identity provider wants something of the person that it did not get',
  consent_required: 'the person has not agreed to the sign-in',
  temporarily_unavailable: 'the identity provider cannot answer now',
  server_error: 'the identity provider failed',
};

function refusal({ error, description }: Redirected & { readonly kind: 'refused' }): string {
  const known = Object.hasOwn(REFUSALS, error) ? REFUSALS[error] : undefined;
  const text = known ?? `the identity provider refused the sign-in (${error})`;
  return description === '' ? text : `${text}; it says: ${description}`;
}
