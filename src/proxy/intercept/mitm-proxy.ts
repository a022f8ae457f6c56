// SPDX-License-Identifier: Apache-2.0
// Loads http-mitm-proxy without its certificate authority: ours takes its place, and with theirs come node-forge and a folder of
// keys on disk. Knows nothing of what the proxy is used for.

import { createRequire } from 'node:module';

type Library = typeof import('http-mitm-proxy');

const require = createRequire(import.meta.url);

/** What the library does with its authority when it listens: asks for it, and waits for the answer in the same turn. */
const NO_CA = { create: (_folder: string, done: (error: null, ca: object) => void) => done(null, {}) };

/** node-forge is 42 files: 1.5 MB (measured). Whoever else loads the library's CA gets the real one. */
function loadWithoutCa(): Library {
  const path = require.resolve('http-mitm-proxy/dist/lib/ca.js');
  const real = require.cache[path];
  require.cache[path] = Object.assign(Object.create(null), {
    id: path,
    filename: path,
    loaded: true,
    exports: { __esModule: true, CA: NO_CA, default: NO_CA },
  });
  try {
    return require('http-mitm-proxy') as Library;
  } finally {
    if (real === undefined) delete require.cache[path];
    else require.cache[path] = real;
  }
}

export const { Proxy: MitmProxy } = loadWithoutCa();
export type MitmProxy = InstanceType<typeof MitmProxy>;
