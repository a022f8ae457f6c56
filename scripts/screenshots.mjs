#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the admin page in docs/images.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: node scripts/screenshots.mjs [FOLDER]

Starts a control plane with an invented organisation, opens its admin page in Chromium and writes docs/images/admin-*.png anew (or to
FOLDER). Run it when the page has changed; look at the pictures before they are committed.
`;

await main(async () => {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const script = join(ROOT, 'scripts', 'screenshots.ts');
  return attach(await ready({ page: false, chromium: true }), [script, ...process.argv.slice(2)], { cwd: ROOT });
});
