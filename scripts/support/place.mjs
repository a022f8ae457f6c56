// SPDX-License-Identifier: Apache-2.0
// Where things are, for scripts that must run before anything is installed: built-in modules only, Node 20 and newer.

import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const WINDOWS = process.platform === 'win32';

/** The project's own Node, from the npm package `node`. */
export function projectNode(root = ROOT) {
  return join(root, 'node_modules', 'node', 'bin', WINDOWS ? 'node.exe' : 'node');
}

export function projectBin(name, root = ROOT) {
  return join(root, 'node_modules', '.bin', WINDOWS ? `${name}.cmd` : name);
}

/** The environment without the project's own commands in PATH: npm must not run on a Node that it is about to replace. */
export function outsideEnv(root = ROOT, env = process.env) {
  const own = join(root, 'node_modules');
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const path = (env[name] ?? '').split(delimiter).filter((folder) => !folder.startsWith(own));
  return { ...env, [name]: path.join(delimiter) };
}

/** The environment of a test: no real credential, no proxy and no foreign trust of whoever starts it. Where PostgreSQL is may be said. */
export function cleanEnv(env = process.env) {
  const foreign =
    /^(?:(?:HTTPS?|ALL|NO)_PROXY|NODE_(?:USE_ENV_PROXY|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|USE_SYSTEM_CA)|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|OPENAI_.*|ANTHROPIC_.*|GEMINI_.*|GOOGLE_.*|AWS_.*|PG[A-Z]+|OUTPOST_(?!(?:PG_BIN|REQUIRE_[A-Z]+|TEST_ORGANISATION|TEST_EXECUTABLE|ELECTRON|AGENTS|KILLS|SEEDS|CRASH_LOOPS|POWER_LOSSES)$).*)$/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}
