#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run dev`: the daemon on simulated providers, restarted when its sources change; the page rebuilt when its own do.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: npm run dev [-- options of "outpost run"]

Starts simulated providers and the daemon in front of them (state in .outpost/dev), restarts the daemon when a source changes,
rebuilds the status page when one of its sources does. Ctrl-C ends all of it.
`;

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const node = await ready();
  return attach(node, [join(ROOT, 'scripts', 'dev.ts'), ...args], { cwd: ROOT });
});
