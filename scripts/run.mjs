#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Runs a TypeScript file on the project's own Node, after installing what is missing. `npm run outpost` and `npm run bench` need
// it: a shell that has just run the system's `node` would go on using that one, whatever was installed in between.

import { main, ready } from './ready.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: node scripts/run.mjs FILE [arguments]

Installs what is missing, then runs FILE on the project's Node. Progress is shown on a terminal only.
`;

await main(async () => {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined || file === '--help') {
    process.stdout.write(HELP);
    return file === undefined ? 2 : 0;
  }
  const node = await ready({ quiet: process.stderr.isTTY !== true });
  return attach(node, [file, ...args]);
});
