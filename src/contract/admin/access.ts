// SPDX-License-Identifier: Apache-2.0
// Who may do what in the control plane. Pure data: roles, what each of them is for, and what it permits.

export const ROLES = ['viewer', 'author', 'approver', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What each permission is, and the roles that have it. Somebody may have several roles. */
export const PERMISSIONS = {
  'overview.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'devices.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'devices.change': ['admin'],
  'tokens.read': ['viewer', 'admin'],
  'tokens.change': ['admin'],
  'policies.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'policies.write': ['author', 'admin'],
  'policies.approve': ['approver', 'admin'],
  'orders.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'orders.change': ['approver', 'admin'],
  'secrets.read': ['author', 'approver', 'admin'],
  'secrets.change': ['admin'],
  'audit.read': ['auditor', 'admin'],
  'holds.change': ['auditor', 'admin'],
  'alarms.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'alarms.change': ['auditor', 'approver', 'admin'],
  'users.read': ['auditor', 'admin'],
  'users.change': ['admin'],
  'settings.read': ['viewer', 'author', 'approver', 'auditor', 'admin'],
  'settings.change': ['admin'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;
export type Permission = keyof typeof PERMISSIONS;

export function permits(roles: readonly Role[], permission: Permission): boolean {
  return PERMISSIONS[permission].some((role) => roles.includes(role));
}
