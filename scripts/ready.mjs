#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Makes a clone ready to run: installs what the lock file says, builds the pages. Does nothing when all is there.
// Built-in modules only; runs on Node 20 and newer, before anything is installed.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  dependenciesMissing,
  findChromium,
  isDebian,
  pageSources,
  pageStale,
  pageStamp,
} from './support/installed.mjs';
import { withLock } from './support/lock.mjs';
import { outsideEnv, projectNode, ROOT } from './support/place.mjs';
import { collect, progress } from './support/run.mjs';

const HELP = `usage: node scripts/ready.mjs [--chromium] [--quiet]

Installs the dependencies and builds the status page and the admin page, if that is still to be done.

  --chromium  also installs Debian's chromium, as root and where none is there; else says what to do
  --quiet     prints errors only
`;

/** Something that the person at the keyboard can put right; printed without a stack. */
class Trouble extends Error {}

const OLDEST_NODE = 20;
/** npm's and apt's own words for a network that is not there. */
const NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|Temporary failure resolving|Could not connect/;

function tail(output) {
  return output.trimEnd().split('\n').slice(-15).join('\n');
}

/** npm's own words without its usage text and empty lines. */
function npmWords(output, lines = 20) {
  const [words = ''] = output.split('Clean install a project');
  return words
    .split('\n')
    .filter((line) => !/^npm error\s*$|Unknown user config/.test(line))
    .slice(0, lines)
    .join('\n');
}

async function installDependencies(root, quiet) {
  const why = dependenciesMissing(root);
  if (why === undefined) return;
  const windows = process.platform === 'win32';
  await progress(
    `installing dependencies, about 1 min (${why})`,
    async () => {
      const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
      const result = await collect(windows ? 'npm.cmd' : 'npm', args, {
        cwd: root,
        env: outsideEnv(root),
        shell: windows,
      });
      if (result.code === 0) return;
      if (result.missing) throw new Trouble('npm was not found. Install Node 20 or newer with npm, then try again.');
      if (NETWORK.test(result.output)) {
        throw new Trouble(
          `The npm registry could not be reached. Check the network or npm's proxy settings.\n${npmWords(result.output, 3)}`,
        );
      }
      throw new Trouble(`npm ci failed:\n${npmWords(result.output)}`);
    },
    { quiet },
  );
  const still = dependenciesMissing(root);
  if (still !== undefined)
    throw new Trouble(`npm ci ended well, but ${still}. Does npm's setting ignore-scripts forbid it?`);
}

async function buildPage(root, quiet) {
  if (!pageStale(root)) return;
  await progress(
    'building the pages',
    async () => {
      const sources = pageSources(root);
      rmSync(pageStamp(root), { force: true });
      const result = await collect(projectNode(root), [join('build', 'page.mjs')], { cwd: root });
      if (result.code !== 0) throw new Trouble(`build/page.mjs failed:\n${tail(result.output)}`);
      mkdirSync(dirname(pageStamp(root)), { recursive: true });
      writeFileSync(pageStamp(root), sources);
    },
    { quiet },
  );
}

async function installChromium(quiet) {
  if (findChromium() !== undefined) return;
  if (!isDebian() || process.getuid?.() !== 0) {
    process.stderr.write(
      'No Chromium was found: install chromium or google-chrome, or the browser tests will be skipped.\n',
    );
    return;
  }
  await progress(
    'installing chromium, about 1 min',
    async () => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
        const result = await collect('apt-get', args, { env });
        if (result.code !== 0) {
          const reason = NETWORK.test(result.output)
            ? 'Debian’s packages could not be reached'
            : `apt-get ${args[0]} failed`;
          throw new Trouble(`${reason}:\n${tail(result.output)}`);
        }
      }
    },
    { quiet },
  );
}

/**
 * Makes the clone at `root` ready. Several at once wait for each other. Throws `Trouble` with a message for people.
 * @returns the path of the project's own Node
 */
export async function ready({ root = ROOT, page = true, chromium = false, quiet = false } = {}) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new Trouble(`Node ${OLDEST_NODE} or newer is needed; this is ${process.version}.`);
  }
  const todo =
    dependenciesMissing(root) !== undefined || (page && pageStale(root)) || (chromium && findChromium() === undefined);
  if (todo) {
    const onWait = () => quiet || process.stderr.write('waiting for another installation of this clone …\n');
    await withLock(
      join(root, '.outpost', 'ready.lock'),
      async () => {
        await installDependencies(root, quiet);
        if (page) await buildPage(root, quiet);
        if (chromium) await installChromium(quiet);
      },
      { onWait },
    );
  }
  return projectNode(root);
}

/** Runs a script's main function; prints `Trouble` plainly and sets the exit code. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    process.stderr.write(error instanceof Trouble ? `\n${error.message}\n` : `${error?.stack ?? error}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  await main(async () => {
    if (args.includes('--help')) {
      process.stdout.write(HELP);
      return 0;
    }
    const unknown = args.find((arg) => !['--chromium', '--quiet'].includes(arg));
    if (unknown !== undefined) throw new Trouble(`unknown option ${unknown}\n${HELP}`);
    await ready({ chromium: args.includes('--chromium'), quiet: args.includes('--quiet') });
    return 0;
  });
}
