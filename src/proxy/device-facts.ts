// SPDX-License-Identifier: Apache-2.0
// What this device is, for the control plane and whoever reads its list of devices. In the form that the protocol takes, whatever the
// system says.

import { arch, hostname, release } from 'node:os';
import type { DeviceFacts } from '../contract/sync/messages.ts';
import { machineId } from './os/machine-id/machine-id.ts';
import { VERSION } from './version.ts';

/** @param dataDir of this agent: a machine may have several */
export function deviceFacts(dataDir: string): DeviceFacts {
  const serial = machineId(process.platform, dataDir);
  return {
    name: shown(hostname(), 253) || 'unnamed',
    os: { platform: shown(process.platform, 32), version: shown(release(), 128), arch: shown(arch(), 32) },
    ...(serial !== undefined && { serial }),
    agent: VERSION,
  };
}

function shown(text: string, most: number): string {
  return text.replaceAll(/\p{Cc}/gu, '').slice(0, most);
}
