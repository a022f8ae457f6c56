#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of window and admin page in docs/images.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: node scripts/screenshots.mjs [admin | window] [FOLDER]

Opens in Chromium the admin page of a control plane with an invented organisation, and the window in states of the gallery, and writes
docs/images/admin-*.png and window-*.png anew (or to FOLDER). Run it when a page has changed; look at the pictures before they are
committed.
`;

await main(async () => {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const given = process.argv.slice(2);
  const [one] = given;
  const only = one === 'admin' || one === 'window' ? one : undefined;
  const folder = only === undefined ? given : given.slice(1);
  const node = await ready({ page: false, chromium: true });
  let worst = 0;
  for (const name of only === undefined ? ['window', 'admin'] : [only]) {
    const script = join(ROOT, 'scripts', name === 'admin' ? 'screenshots.ts' : 'screenshots-window.ts');
    worst = Math.max(worst, await attach(node, [script, ...folder], { cwd: ROOT }));
  }
  return worst;
});
