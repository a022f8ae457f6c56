#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm start`: installs what is missing, then runs the demonstration on the project's own Node.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: npm start [-- options]

Installs what is missing, then shows Outpost at work: an organisation with its control plane and admin page, a device that
takes its policy, and calls through it to simulated providers. Ctrl-C ends it.

  --real           uses the real providers whose OPENAI_API_KEY or ANTHROPIC_API_KEY is set
  --once           ends after the demonstration
  --data-dir DIR   keeps the organisation and the device there, and goes on with them the next time
                   (default: a temporary folder, removed at the end)
`;

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const node = await ready();
  return attach(node, [join(ROOT, 'scripts', 'demo.ts'), ...args], { cwd: ROOT });
});
