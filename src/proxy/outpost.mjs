#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Entry of the `outpost` command. Plain JavaScript, so that the compile cache is on before the first TypeScript file is loaded:
// with it node does not load its type stripper, neither here nor in the worker threads, which saves 40 MB and half the start-up
// time from the second start on. Knows nothing of commands.

import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Compiled code of another user would be that user's code: the folder must be ours and closed. */
function privateFolder() {
  const base =
    process.platform === 'darwin'
      ? join(homedir(), 'Library', 'Caches', 'Outpost')
      : process.platform === 'win32'
        ? join(process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Outpost', 'cache')
        : join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'outpost');
  const folder = join(base, 'compiled');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  const ours = process.getuid === undefined || uid === process.getuid();
  const closed = process.platform === 'win32' || (mode & 0o077) === 0;
  return ours && closed ? folder : undefined;
}

// Whoever starts us must not choose a folder of compiled code.
delete process.env.NODE_COMPILE_CACHE;
try {
  const folder = privateFolder();
  if (folder !== undefined) {
    enableCompileCache(folder);
    // The worker threads read it at their start.
    process.env.NODE_COMPILE_CACHE = folder;
  }
} catch {
  // A cache is a convenience: without a home folder everything works, only slower.
}

// An import of node:http reads all that the module offers, these three as well, and with them node loads its fetch and WebSocket:
// 2 MB (measured) for what no file of ours uses.
const http = process.getBuiltinModule('node:http');
for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) Object.defineProperty(http, name, { value: undefined });

const { runCli } = await import('./cli.ts');
await runCli();
