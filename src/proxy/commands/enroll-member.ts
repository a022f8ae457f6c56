// SPDX-License-Identifier: Apache-2.0
// What somebody at a device of an organisation can ask for: how it is enrolled, to sign in, to leave.

import { randomBytes } from 'node:crypto';
import { systemClock } from '../clock.ts';
import { openKeyStore } from '../os/key-store/open.ts';
import type { OpenUrl } from '../os/open-url.ts';
import { forgetOrganisation } from '../sync/enrol/enrol.ts';
import { ENROLMENT_FILE } from '../sync/enrol/enrolment-file.ts';
import type { KeysAtHand } from '../sync/enrol/membership.ts';
import { signIn } from '../sync/enrol/sign-in.ts';
import type { EnrollScene } from './enroll-join.ts';
import { atControlPlane, deviceParts, managedFacts } from './membership.ts';

const NOT_ENROLLED = 'this device is not enrolled; see: outpost enroll --help\n';

/** In words. */
function keptWords(keys: KeysAtHand, store: string | undefined): string {
  if (keys.kind !== 'keys') return `${keys.kind}: ${keys.detail}`;
  return keys.protection === 'file'
    ? 'in a private file, not encrypted'
    : `encrypted; the key to that is kept by ${store ?? 'the system'}`;
}

const storeTitle = (env: NodeJS.ProcessEnv): string | undefined => openKeyStore(process.platform, env, '')?.title;

/** How the keys of this device are kept, in words. */
export async function keptHow(dataDir: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { found } = await deviceParts(dataDir, env, undefined);
  const member = found.mode === 'organisation' ? found.member : undefined;
  return member === undefined ? 'none' : keptWords(member.keys, storeTitle(env));
}

export async function status({ io, dataDir, managed }: EnrollScene, json: boolean): Promise<number> {
  const settings = managed.kind === 'settings' ? managed : undefined;
  const { found } = await deviceParts(dataDir, io.env, settings);
  const member = found.mode === 'organisation' ? found.member : undefined;
  const problem =
    managed.kind === 'problem'
      ? `the settings of device management cannot be used (${managed.path}: ${managed.message})`
      : found.mode === 'stand-alone' && found.detail !== undefined
        ? `the enrolment cannot be read (${found.detail})`
        : undefined;
  if (json) {
    const { org, url, device, ring, root, at, bind_user } = member?.enrolment ?? {};
    const facts = { org, url, device, ring, root, enrolled_at: at, bind_user };
    const keys =
      member === undefined ? undefined : member.keys.kind === 'keys' ? member.keys.protection : member.keys.kind;
    const managedBy = managed.kind === 'none' ? undefined : managed.path;
    io.stdout.write(
      `${JSON.stringify({ enrolled: member !== undefined, ...facts, keys, managed: managedBy, problem })}\n`,
    );
    return member === undefined ? 3 : 0;
  }
  if (problem !== undefined) io.stderr.write(`${problem}\n`);
  if (member === undefined) {
    const named = found.mode === 'organisation' ? found.target : undefined;
    io.stdout.write(
      named === undefined
        ? 'not enrolled: this device is on its own\n'
        : `not enrolled yet: device management names ${named.org} at ${named.url}\n`,
    );
    return 3;
  }
  const { org, url, device, ring, root, at } = member.enrolment;
  const lines = [
    `enrolled in ${org} at ${url}`,
    `  device   ${device}, ring ${ring} when it enrolled`,
    `  since    ${new Date(at).toISOString()}`,
    `  root     ${root}`,
    `  keys     ${keptWords(member.keys, storeTitle(io.env))}`,
    `  managed  ${managed.kind === 'none' ? 'by nobody' : `by ${managed.path}`}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

export async function signInPerson({ io, dataDir, managed }: EnrollScene, openUrl: OpenUrl): Promise<number> {
  const { found } = await deviceParts(dataDir, io.env, managedFacts(managed));
  if (found.mode !== 'organisation' || found.member === undefined) {
    io.stderr.write(NOT_ENROLLED);
    return 3;
  }
  const { enrolment, keys } = found.member;
  if (keys.kind !== 'keys') throw new Error(`the keys of this device are ${keys.kind} (${keys.detail})`);
  const pair = keys.keys.current;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const show = (url: URL): void => {
    io.stdout.write(`Sign in with the browser. If none opens, open this address on this machine:\n\n  ${url.href}\n\n`);
    void openUrl(url);
  };
  const { user, until } = await atControlPlane(enrolment, dataDir, (ask) =>
    signIn({ ask, clock: systemClock, pair, random: randomBytes, show, signal: stop.signal }),
  );
  io.stdout.write(`signed in as ${user}, until ${new Date(until).toISOString().slice(0, 10)}\n`);
  return 0;
}

export async function leave({ io, dataDir, managed, terminal }: EnrollScene, yes: boolean): Promise<number> {
  // Also where its settings are damaged: that must be no way out.
  if (managed.kind !== 'none') {
    throw new Error(
      `device management has put this device into its organisation (${managed.path}); only an administrator can take it out`,
    );
  }
  const { found, files, keyFile } = await deviceParts(dataDir, io.env, undefined);
  const damaged = found.mode === 'stand-alone' && found.detail !== undefined;
  if (found.mode === 'stand-alone' && !damaged) {
    io.stderr.write(NOT_ENROLLED);
    return 3;
  }
  const org = found.mode === 'organisation' ? found.target.org : 'its organisation';
  if (!yes) {
    if (!terminal.interactive) throw new Error('say --yes where nobody can be asked');
    io.stderr.write(
      `This takes the device out of ${org}: its keys and the organisation’s rules are removed from ${dataDir}.\n`,
    );
    io.stderr.write(
      'Then your own outpost.yaml rules. The audit log stays; what was not sent yet is not sent any more.\n',
    );
    if ((await terminal.ask('Leave? (yes/no) ')).toLowerCase() !== 'yes') throw new Error('nothing was removed');
  }
  // First what the daemon goes by: it stops using the rest.
  await files.remove(ENROLMENT_FILE);
  await forgetOrganisation(files);
  await keyFile.remove();
  io.stdout.write(
    `left ${org}; removed: the keys of this device, the organisation’s rules and what was known of its server\n`,
  );
  io.stdout.write('kept: the audit log; the organisation lists the device until an administrator removes it there\n');
  return 0;
}
