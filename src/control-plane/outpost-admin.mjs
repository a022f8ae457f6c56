#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Entry of the `outpost-admin` command. Plain JavaScript, so that it can say which node it needs before TypeScript is loaded.

// Whoever starts us must not choose a folder of compiled code.
delete process.env.NODE_COMPILE_CACHE;

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`outpost-admin needs Node 24; this is ${process.versions.node}\n`);
  process.exit(1);
}

// All that this process makes is for its user alone: database, keys, what it writes into files.
process.umask(0o077);

const { main } = await import('./cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
