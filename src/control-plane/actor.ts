// SPDX-License-Identifier: Apache-2.0
// Who does something in the control plane, and what the log says of it. Pure.

import type { AdminBody } from '../contract/admin-row.ts';

/** Who asks. `name` tells people apart for ever (`user:NAME`, `cli`, `system`): four eyes are told from two by it. */
export interface Actor {
  readonly name: string;
  readonly role?: string;
  /** The user of the machine, of whoever uses the command line. */
  readonly osUser?: string;
}

/** What happens by itself. */
export const SYSTEM: Actor = { name: 'system' };

/** The row of something that somebody was not let do. */
export function refused({ name, role }: Actor, action: string, target: string, about: AdminBody['detail']): AdminBody {
  const who = { actor: name, ...(role === undefined ? {} : { role }) };
  return { kind: 'admin', ...who, action, target, result: 'refused', detail: about };
}

/** The row of something that was done. `action` is dotted (`policy.publish`), `target` names what it was done to (`policy:12`). */
export function done(actor: Actor, action: string, target: string, about?: AdminBody['detail']): AdminBody {
  const detail = actor.osUser === undefined ? about : { ...about, os_user: actor.osUser.slice(0, 256) };
  return {
    kind: 'admin',
    actor: actor.name,
    ...(actor.role === undefined ? {} : { role: actor.role }),
    action,
    target,
    result: 'done',
    ...(detail === undefined ? {} : { detail }),
  };
}
