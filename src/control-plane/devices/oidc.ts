// SPDX-License-Identifier: Apache-2.0
// OpenID Connect with the provider of an organisation: where to sign in, and who did. The ID token is checked here and goes no further.
// Knows nothing of devices, nor of what waits between the two.

import * as oidc from 'openid-client';
import type { Context } from '../context.ts';
import { SyncError } from '../http/sync-error.ts';
import { openClientSecret } from './client-secret.ts';
import type { SignInSettings } from './sign-in-settings.ts';

export interface Oidc {
  /** Where the browser goes. */
  address(org: string, settings: SignInSettings, wish: SignInWish): Promise<string>;
  /** Exchanges the code. Throws SyncError: `sign-in` when it is refused or does not hold, `unavailable`. */
  redeem(org: string, settings: SignInSettings, code: SignInCode): Promise<Person>;
}

export interface SignInWish {
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly state: string;
  readonly nonce: string;
}

export interface SignInCode {
  readonly redirectUri: string;
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly code: string;
  /** Who answered, as the answer says; null: it does not. Absent: the answer came through an agent, which does not pass it on. */
  readonly iss?: string | null;
}

export interface Person {
  readonly subject: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/** Milliseconds for which what a provider says of itself is believed; its keys are asked for anew when an unknown one is named. */
const REMEMBER = 600_000;
/** Providers that are remembered. */
const MOST = 64;
/** Seconds that a provider may take for an answer. */
const PATIENCE_S = 10;
/** What the protocol takes. */
const LONGEST = 256;
const MOST_GROUPS = 1024;

export function createOidc(ctx: Context): Oidc {
  const known = new Map<string, { readonly at: number; readonly config: oidc.Configuration }>();

  async function configOf(org: string, settings: SignInSettings): Promise<oidc.Configuration> {
    const name = JSON.stringify([org, settings]);
    const held = known.get(name);
    const now = ctx.clock.monotonic();
    if (held !== undefined && now - held.at < REMEMBER) return held.config;
    const issuer = new URL(settings.issuer);
    const config = await oidc.discovery(issuer, settings.client_id, undefined, clientAuth(ctx, org, settings), {
      timeout: PATIENCE_S,
      execute: [
        // The signature of ID tokens is checked although they come straight from the provider.
        oidc.enableNonRepudiationChecks,
        // The settings allow it on loopback alone.
        ...(issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []),
      ],
    });
    config.timeout = PATIENCE_S;
    known.delete(name);
    if (known.size >= MOST) known.delete(known.keys().next().value ?? name);
    known.set(name, { at: now, config });
    return config;
  }

  return {
    async address(org, settings, { redirectUri, codeChallenge, state, nonce }) {
      const config = await configOf(org, settings).catch((error: unknown) => {
        throw refusal(ctx, error);
      });
      return oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: settings.scope,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
        state,
        nonce,
      }).href;
    },
    async redeem(org, settings, { redirectUri, codeVerifier, state, nonce, code, iss }) {
      try {
        const config = await configOf(org, settings);
        const answered = new URL(redirectUri);
        answered.searchParams.set('code', code);
        answered.searchParams.set('state', state);
        // Each state belongs to one provider, so that no other's answer can be mixed in (RFC 9207) where it is not passed on.
        const answerer = iss === undefined ? config.serverMetadata().issuer : iss;
        if (answerer !== null) answered.searchParams.set('iss', answerer);
        const tokens = await oidc.authorizationCodeGrant(config, answered, {
          pkceCodeVerifier: codeVerifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        return personOf(tokens.claims() ?? { sub: '' }, settings);
      } catch (error) {
        throw refusal(ctx, error);
      }
    },
  };
}

function clientAuth(
  ctx: Context,
  org: string,
  { issuer, client_secret_sealed: sealed }: SignInSettings,
): oidc.ClientAuth {
  if (sealed === undefined) return oidc.None();
  return oidc.ClientSecretBasic(openClientSecret(ctx, org, issuer, sealed));
}

type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

function personOf(claims: Claims, { name_claim, groups_claim }: SignInSettings): Person {
  const name = [claims[name_claim], claims['email'], claims.sub].find(isShown);
  if (name === undefined) throw new SyncError('sign-in');
  const groups = claims[groups_claim];
  return {
    subject: claims.sub,
    name,
    groups: Array.isArray(groups) ? groups.filter(isShown).slice(0, MOST_GROUPS) : [],
  };
}

/** What may be shown to people: short, without control characters. */
function isShown(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST && !/\p{Cc}/u.test(value);
}

/** Seconds until it is worth another try where the identity provider is away: somebody waits. */
const AWAY_S = 10;

function refusal(ctx: Context, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const { code, status } = error as { code?: unknown; status?: unknown };
  // fetch throws TypeError for a network that fails.
  const away = error instanceof TypeError || code === 'OAUTH_TIMEOUT' || (typeof status === 'number' && status >= 500);
  // The library's codes name the check that failed; its messages could quote a token.
  ctx.log.warn('sign-in.refused', { reason: typeof code === 'string' ? code : undefined, away });
  return away ? new SyncError('unavailable', {}, AWAY_S) : new SyncError('sign-in');
}
