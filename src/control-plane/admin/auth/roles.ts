// SPDX-License-Identifier: Apache-2.0
// Roles as the database keeps them. Pure.

import { ROLES, type Role } from '../../../contract/admin/access.ts';

/** In the order of the contract, each once. */
export function rolesText(roles: readonly Role[]): string {
  return ROLES.filter((role) => roles.includes(role)).join(',');
}

export function rolesIn(text: string): readonly Role[] {
  const named = text.split(',');
  return ROLES.filter((role) => named.includes(role));
}
