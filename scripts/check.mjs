#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run check`: types, lint and format, unit tests, house rules. Prints one line a step, and output only of what failed.

import { join } from 'node:path';
import { main, ready } from './ready.mjs';
import { projectBin, ROOT } from './support/place.mjs';
import { collect, seconds } from './support/run.mjs';

const HELP = `usage: npm run check

Checks types, lint and format, unit tests and house rules, in under a minute.
`;

await main(async () => {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const node = await ready();
  const test = (...args) => [node, [join(ROOT, 'scripts', 'test.mjs'), '--test-reporter=spec', ...args]];
  const steps = {
    types: [projectBin('tsc'), ['-p', '.']],
    'lint and format': [projectBin('biome'), ['check', '.', '--colors=off']],
    rules: test(join('test', 'rules')),
    units: test('--unit'),
  };
  const start = performance.now();
  const waiting = Object.entries(steps);
  let failed = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, [command, args]] = next;
      const begun = performance.now();
      const { code, output } = await collect(command, args, { cwd: ROOT, shell: process.platform === 'win32' });
      process.stdout.write(`${code === 0 ? '✓' : '✗'} ${name.padEnd(16)} ${seconds(begun)}\n`);
      if (code === 0) continue;
      failed += 1;
      process.stdout.write(`${failuresOf(output)}\n`);
    }
  };
  await Promise.all([worker(), worker()]);
  process.stdout.write(
    `${failed === 0 ? 'all good' : `${failed} of ${Object.keys(steps).length} failed`} in ${seconds(start)}\n`,
  );
  return failed === 0 ? 0 : 1;
});

/** Of a test run, the part about failures; of anything else, all of it. */
function failuresOf(output) {
  const at = output.indexOf('failing tests:');
  return (at < 0 ? output : output.slice(at)).trimEnd();
}
