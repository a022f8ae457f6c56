// SPDX-License-Identifier: Apache-2.0
// Owns: where device management on macOS puts the managed settings. Not verified on a real machine; access control lists of macOS are
// not looked at.

import type { ManagedPlace } from './managed-settings.ts';
import { posixOwnerProblem } from './posix-owner.ts';

export function darwinPlace(path = '/Library/Application Support/Outpost/managed.json', owner = 0): ManagedPlace {
  return { path, ownerProblem: (at, file) => posixOwnerProblem(at, file, owner) };
}
