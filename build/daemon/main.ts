// SPDX-License-Identifier: Apache-2.0
// Entry of the executable: the `outpost` command. What outpost.mjs does before it (a compile cache, and keeping node:http from loading what
// nobody uses) has no meaning here.

import { runCli } from '../../src/proxy/cli.ts';

/** As node ends when a module is never done: nobody may take it for success. */
const NEVER_DONE = 13;

process.once('beforeExit', () => {
  process.exitCode ??= NEVER_DONE;
});
void runCli();
