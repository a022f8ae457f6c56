// SPDX-License-Identifier: Apache-2.0
// How busy the machine is, to be said beside figures that others on it disturb.

import { loadavg } from 'node:os';

export function loadNow(): string {
  return `load ${loadavg()[0]?.toFixed(1) ?? '?'}`;
}
