// SPDX-License-Identifier: Apache-2.0
// What the scripts of this folder have in common when they are started themselves: words, help, and failures as one plain line.

import { basename } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * Does nothing where the module was only imported.
 * @param module its `import.meta.url`
 * @param options as `parseArgs` takes them; `--help` is added
 * @param work gets the values
 */
export async function command(module, help, options, work) {
  if (module !== pathToFileURL(argv[1] ?? '').href) return;
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (values.help) stdout.write(help);
    else await work(values);
  } catch (error) {
    const hint = String(error.code).startsWith('ERR_PARSE_ARGS') ? '; see --help' : '';
    stderr.write(`build/${basename(fileURLToPath(module))}: ${error.message}${hint}\n`);
    process.exitCode = 1;
  }
}
