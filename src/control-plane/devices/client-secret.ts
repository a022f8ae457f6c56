// SPDX-License-Identifier: Apache-2.0
// The client secret of an organisation's identity provider, sealed under the master key. It is good for one organisation and one issuer:
// whoever may change settings, but does not know it, cannot have it sent elsewhere.

import { z } from 'zod';
import type { Context } from '../context.ts';
import { invalidSettings } from '../orgs/invalid-settings.ts';

type Keys = Pick<Context, 'keys'>;
type Members = Readonly<Record<string, unknown>>;
const members = z.record(z.string(), z.unknown());

const boundTo = (org: string, issuer: string): string => `sign-in:${org}:${new URL(issuer).origin}`;

/** What a client secret is kept as in the organisation's settings. */
export function sealClientSecret({ keys }: Keys, org: string, issuer: string, secret: string): string {
  return keys.encrypt(Buffer.from(secret, 'utf8'), boundTo(org, issuer)).toString('base64');
}

/** Throws when it was sealed for another issuer, or altered. */
export function openClientSecret({ keys }: Keys, org: string, issuer: string, sealed: string): string {
  return keys.decrypt(Buffer.from(sealed, 'base64'), boundTo(org, issuer)).toString('utf8');
}

/**
 * Settings as an administrator gives them, with the `client_secret` of `sign_in` sealed. What was sealed before is checked: with another
 * issuer it must be given anew. All else is the schema's to judge.
 */
export function sealSignIn(ctx: Keys, org: string, settings: Members): Members {
  const signIn = members.safeParse(settings['sign_in']).data;
  const issuer = signIn?.['issuer'];
  if (signIn === undefined || typeof issuer !== 'string' || !URL.canParse(issuer)) return settings;
  const { client_secret: clear, ...rest } = signIn;
  if (typeof clear === 'string') {
    const client_secret_sealed = sealClientSecret(ctx, org, issuer, clear);
    return { ...settings, sign_in: { ...rest, client_secret_sealed } };
  }
  const { client_secret_sealed: before } = rest;
  if (typeof before === 'string') mustOpen(ctx, org, issuer, before);
  return settings;
}

function mustOpen(ctx: Keys, org: string, issuer: string, sealed: string): void {
  try {
    openClientSecret(ctx, org, issuer, sealed);
  } catch {
    const message =
      'was made for another issuer, or by another control plane; give it anew in clear as client_secret, or leave it out';
    throw invalidSettings([{ at: 'sign_in.client_secret_sealed', message }]);
  }
}
