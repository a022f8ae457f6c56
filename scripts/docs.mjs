#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Writes the generated pages of docs/reference from the catalogues and tables in src.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: node scripts/docs.mjs

Writes errors.md, losses.md, openapi.json, providers.md and sync.md of docs/reference anew. Run it after a change of a catalogue; a test compares.
`;

await main(async () => {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  return attach(await ready({ page: false }), [join(ROOT, 'scripts', 'docs.ts')], { cwd: ROOT });
});
