// SPDX-License-Identifier: Apache-2.0
// `outpost ca`: the certificate of this device, shown, put into and taken out of the system's store, and renewed. Works on the
// folder; a running daemon picks a rotation up by itself.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { openAuthority } from '../intercept/certs/authority.ts';
import { createLog } from '../log.ts';
import { openTrustStore } from '../os/trust-store/open.ts';
import type { TrustChange } from '../os/trust-store/trust-store.ts';
import {
  type Command,
  DATA_DIR_HELP,
  DATA_DIR_OPTION,
  type Io,
  parseOptions,
  pathsFor,
  UsageError,
} from './command.ts';

const ACTIONS = ['show', 'install', 'remove', 'rotate'] as const;

export const ca: Command = {
  help: `outpost ca show|install|remove|rotate [--json] [--data-dir DIR]

show      the roots that clients must trust: fingerprints, dates, files
install   puts them into this system's trust store (as root; else prints the commands for an administrator)
remove    takes them out again
rotate    makes a new root; the one before stays trusted while clients learn the new one (then run install again)

  --json              machine-readable (show)
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' }, ...DATA_DIR_OPTION }, { max: 1 });
    const action = ACTIONS.find((name) => name === positionals[0]);
    if (action === undefined) throw new UsageError(`say one of ${ACTIONS.join(', ')}`);
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const dir = join(dataDir, 'ca');
    if (!existsSync(dir)) {
      io.stderr.write(`there is no certificate in ${dir} yet; it is made when the daemon first starts: outpost run\n`);
      return 3;
    }
    const authority = await openAuthority({
      dir,
      clock: systemClock,
      log: createLog({ write: (line) => void io.stderr.write(line), level: 'error', clock: systemClock }),
      // Not serving: no leaf is minted here.
      crlBaseUrl: 'http://127.0.0.1:1',
      permitted: [],
    });
    try {
      if (action === 'rotate') await authority.rotate();
      if (action === 'show' || action === 'rotate') return show(authority, values.json === true, io);
      const store = openTrustStore(process.platform);
      let code = 0;
      for (const pem of authority.rootPems()) {
        const change = action === 'install' ? await store.install(pem) : await store.remove(pem);
        code = Math.max(code, tell(change, action, io));
      }
      return code;
    } finally {
      authority.close();
    }
  },
};

function show(authority: Awaited<ReturnType<typeof openAuthority>>, json: boolean, io: Io): number {
  const roots = authority.roots();
  const fingerprints = authority.rootFingerprints();
  if (json) {
    io.stdout.write(
      `${JSON.stringify({ bundle: authority.bundlePath, generation: authority.generation, fingerprints })}\n`,
    );
    return 0;
  }
  io.stdout.write(`generation ${authority.generation}, trusted roots in ${authority.bundlePath}\n`);
  roots.forEach((root, index) => {
    const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
    io.stdout.write(
      `  ${index === 0 ? 'current ' : 'previous'}  generation ${root.generation}, ${day(root.notBefore)} to ${day(root.notAfter)}, SHA-256 ${root.fingerprint}\n`,
    );
  });
  return 0;
}

function tell(change: TrustChange, action: 'install' | 'remove', io: Io): number {
  switch (change.kind) {
    case 'done':
      io.stdout.write(action === 'install' ? 'installed\n' : 'removed\n');
      return 0;
    case 'unchanged':
      io.stdout.write(action === 'install' ? 'already trusted\n' : 'was not installed\n');
      return 0;
    case 'needs-administrator':
      io.stdout.write(`an administrator must run:\n${change.commands.map((line) => `  ${line}\n`).join('')}`);
      return 4;
    case 'failed':
      io.stderr.write(`${change.detail}\n`);
      return 1;
  }
}
