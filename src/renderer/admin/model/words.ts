// SPDX-License-Identifier: Apache-2.0
// Words for what the control plane names in code. What a newer one names and this page does not know is shown as it is. Pure.

import { STRINGS } from '../strings.ts';
import { hashOf } from './route.ts';
import type { SessionModel } from './session.ts';

export function wordOf(words: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(words, name) ? (words[name] ?? name) : name;
}

export function rolesIn({ state }: SessionModel): string {
  const { value } = state;
  const roles = value.kind === 'in' ? value.session.user.roles : [];
  return roles.length === 0 ? STRINGS.noRoles : roles.map((role) => STRINGS.roles[role]).join(', ');
}

/** `user:alice` is how rows name people. */
export function personIn(actor: string): string {
  return actor.startsWith('user:') ? actor.slice('user:'.length) : actor;
}

/** Where what a row names as `device:d-…` or `policy:12` is shown; undefined: nowhere. */
export function placeIn(target: string): string | undefined {
  const [, kind, name] = /^(device|policy):([\w-]{1,64})$/.exec(target) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  return hashOf(kind === 'device' ? 'devices' : 'policies', [name]);
}
