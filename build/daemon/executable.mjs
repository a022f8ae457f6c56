// SPDX-License-Identifier: Apache-2.0
// Puts bundled texts into a copy of Node: a "single executable application". Knows nothing of what the texts do.

import { execFile } from 'node:child_process';
import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'postject';
import { programKind } from './program.mjs';

const run = promisify(execFile);

/** Node's own mark of the place that says whether something was put in. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Of another system or processor nobody here could make the code cache; then the command compiles at its start. */
const isHost = ({ platform, arch }) => platform === process.platform && arch === process.arch;

/**
 * What whoever starts the executable cannot change. Node would load what the configuration of OpenSSL names (OPENSSL_CONF), and open a
 * debugger at SIGUSR1; NODE_OPTIONS is not read at all. Young garbage up to 8 MB: docs/performance.md.
 */
const flagsFor = (platform) => [
  `--openssl-config=${platform === 'win32' ? 'NUL' : '/dev/null'}`,
  '--disable-sigusr1',
  '--max-semi-space-size=8',
];

/** Throws with a sentence when the file cannot become this target's executable. */
export async function checkRuntime(path, target, version) {
  const bytes = await readFile(path).catch((error) => {
    throw new Error(`${path} cannot be read (${error.code}); name Node's program for the target with --node`);
  });
  const kind = programKind(bytes);
  if (kind?.platform !== target.platform || kind.arch !== target.arch) {
    const is =
      kind === undefined ? 'no program' : `a program for ${kind.platform} ${kind.arch ?? 'on another processor'}`;
    throw new Error(`${path} is ${is}, not for ${target.platform} ${target.arch}`);
  }
  if (!bytes.includes(`${FUSE}:0`)) throw new Error(`${path} is no Node that something can be put into`);
  // The texts are prepared by the project's Node, in a form that changes between versions.
  if (!bytes.includes(`v${version}`)) throw new Error(`${path} is not Node ${version}`);
}

/** The texts as one file, written by the project's Node. Relative names: the path of this machine would be recorded. */
async function prepare({ node, target, main, texts, scratch }) {
  const assets = {};
  for (const [index, [name, text]] of [...texts].entries()) {
    assets[name] = `text-${index}`;
    await writeFile(join(scratch, assets[name]), text);
  }
  await writeFile(join(scratch, 'outpost.cjs'), main);
  const config = {
    main: 'outpost.cjs',
    output: 'blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: isHost(target),
    execArgv: flagsFor(target.platform),
    execArgvExtension: 'none',
    assets,
  };
  await writeFile(join(scratch, 'config.json'), JSON.stringify(config));
  // Predictable: else each code cache is a little different.
  const args = ['--predictable', '--experimental-sea-config', 'config.json'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')));
  await run(node, args, { cwd: scratch, env });
  return await readFile(join(scratch, 'blob'));
}

/** A tool that the system may have; says whether it did its work. */
async function tried(tool, args) {
  try {
    await run(tool, args);
    return true;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw new Error(`${tool} failed: ${String(error.stderr ?? error.message).trim()}`);
  }
}

/**
 * Makes the executable at `path`.
 * @param {{ node: string, runtime: string, target: { platform: string, arch: string }, main: string, texts: Map<string, string>,
 *   scratch: string }} from `node` prepares the texts, a copy of `runtime` takes them
 * @returns {Promise<{ runtimeBytes: number, notes: string[] }>} how much of it is Node, and what is left to do
 */
export async function makeExecutable(path, from) {
  const { runtime, target } = from;
  const { platform } = target;
  const notes = [];
  await copyFile(runtime, path);
  await chmod(path, 0o755);
  // Before the injection: what is put in lies outside the sections that such tools know, and a later strip breaks the program.
  if (platform === 'linux' && !(isHost(target) && (await tried('strip', ['--strip-all', path]))))
    notes.push('Node keeps its debugging symbols (18 MB): there is no strip here that knows the target');
  if (
    platform === 'darwin' &&
    !(process.platform === 'darwin' && (await tried('codesign', ['--remove-signature', path])))
  )
    notes.push('the signature of Node is still in it and no longer valid: on a Mac, codesign --force replaces it');
  const runtimeBytes = (await stat(path)).size;
  const blob = await prepare(from);
  // The injector's library complains of section names that nobody reads.
  const { warn } = console;
  console.warn = () => undefined;
  try {
    await inject(path, 'NODE_SEA_BLOB', blob, { sentinelFuse: FUSE, machoSegmentName: 'NODE_SEA' });
  } finally {
    console.warn = warn;
  }
  if (platform !== 'linux') notes.push('inject first, sign after: it runs on the target once it is signed');
  return { runtimeBytes, notes };
}
