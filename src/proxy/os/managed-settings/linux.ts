// SPDX-License-Identifier: Apache-2.0
// Owns: where Linux's configuration management (Ansible, Puppet, a package) puts the managed settings.

import type { ManagedPlace } from './managed-settings.ts';
import { posixOwnerProblem } from './posix-owner.ts';

/** @param owner for tests that are not run by root */
export function linuxPlace(path = '/etc/outpost/managed.json', owner = 0): ManagedPlace {
  return { path, ownerProblem: (at, file) => posixOwnerProblem(at, file, owner) };
}
