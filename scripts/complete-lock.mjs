#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Puts back into package-lock.json the optional packages for other platforms that npm left out because its registry lacks them.
// Without them `npm ci` refuses the lock file everywhere. Run it after `npm install` changed the lock file.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from './ready.mjs';
import { ROOT } from './support/place.mjs';

const HELP = `usage: node scripts/complete-lock.mjs

Adds optional packages that package-lock.json lacks, by exact version and platform. They have no checksum: it is not known here.
`;

/** `…-darwin-arm64`, `…-linux-x64-musl`: how such packages name their platform. */
const PLATFORM = /(?:^|[-/])(android|darwin|freebsd|linux|win32)-(arm64|arm|ia32|x64)(?:-(musl|gnu))?$/;

await main(async () => {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const file = join(ROOT, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      if (place in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue;
      const platform = PLATFORM.exec(name);
      if (platform === null || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`cannot complete ${name}@${version}`);
      const [, os, cpu, libc] = platform;
      lock.packages[place] = {
        version,
        cpu: [cpu],
        ...(entry.dev === true ? { dev: true } : {}),
        ...(os === 'linux' ? { libc: [libc === 'musl' ? 'musl' : 'glibc'] } : {}),
        ...(entry.license === undefined ? {} : { license: entry.license }),
        optional: true,
        os: [os],
      };
      added.push(name);
    }
  }
  if (added.length > 0) {
    lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  }
  process.stdout.write(added.length === 0 ? 'nothing is missing\n' : `added ${added.join(', ')}\n`);
  return 0;
});
