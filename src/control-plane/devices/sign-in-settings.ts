// SPDX-License-Identifier: Apache-2.0
// Where the people of an organisation sign in: its OpenID Connect provider. Schema only.

import { z } from 'zod';
import { ROLES } from '../../contract/admin/access.ts';

const text = (max: number) => z.string().min(1).max(max);

/** Plain HTTP shows codes and tokens to the network; on loopback there is none. */
function isGuarded(issuer: string): boolean {
  const url = URL.parse(issuer);
  if (url === null || url.username !== '' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname));
}

export const signInSettings = z.strictObject({
  issuer: z.string().max(1024).refine(isGuarded, 'must be an https URL without user, query and fragment'),
  client_id: text(256),
  /** As `sealClientSecret` makes it, so that a copy of the database does not have it; good for the issuer's host alone. Absent: a public client. */
  client_secret_sealed: z.base64().max(4096).optional(),
  scope: z
    .string()
    .max(512)
    .regex(/^openid(?: [!-~]+)*$/, 'must begin with openid')
    .default('openid profile email'),
  /** Claims of the ID token. The name falls back on `email`, then on `sub`. */
  name_claim: text(64).default('preferred_username'),
  groups_claim: text(64).default('groups'),
  /** Roles in the control plane by group. Whoever is in none of these groups is no administrator. */
  roles: z.record(text(256), z.array(z.enum(ROLES)).max(ROLES.length)).default({}),
  /** Days after which a person at a device must sign in again. */
  days: z.int().min(1).max(366).default(30),
});
export type SignInSettings = z.infer<typeof signInSettings>;
