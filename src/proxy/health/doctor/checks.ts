// SPDX-License-Identifier: Apache-2.0
// The list of all doctor checks, in the order in which they are shown. docs/reference/health.md names them too; a test compares.

import type { Check } from './check.ts';
import { auditCheck } from './checks/audit.ts';
import { caTrustCheck } from './checks/ca-trust.ts';
import { clockCheck } from './checks/clock.ts';
import { diskCheck } from './checks/disk.ts';
import { envBundlesCheck } from './checks/env-bundles.ts';
import { envNodeCheck } from './checks/env-node.ts';
import { envProxyCheck } from './checks/env-proxy.ts';
import { pacCheck } from './checks/pac.ts';
import { portsCheck } from './checks/ports.ts';
import { toolFilesCheck } from './checks/tool-files.ts';

export const CHECKS: readonly Check[] = [
  portsCheck,
  pacCheck,
  caTrustCheck,
  auditCheck,
  diskCheck,
  clockCheck,
  envProxyCheck,
  envNodeCheck,
  envBundlesCheck,
  toolFilesCheck,
];
