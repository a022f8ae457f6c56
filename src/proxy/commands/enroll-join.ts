// SPDX-License-Identifier: Apache-2.0
// Joining an organisation from a terminal: where to, whose root, which token. Asks a person for what is not said; the enrolment itself is
// src/proxy/sync/enrol.

import { readFileSync, statSync } from 'node:fs';
import { splitPem } from '../../contract/pem.ts';
import type { Managed } from '../os/managed-settings/managed-settings.ts';
import type { ManagedFacts } from '../sync/enrol/boot.ts';
import { enrol } from '../sync/enrol/enrol.ts';
import {
  type Enrolment,
  isFingerprint,
  isOrgId,
  isServerUrl,
  isToken,
  type Target,
} from '../sync/enrol/enrolment-file.ts';
import { targetOf } from '../sync/enrol/membership.ts';
import { fetchRoot } from '../sync/enrol/root-check.ts';
import { type Io, UsageError } from './command.ts';
import { keptHow } from './enroll-member.ts';
import { atControlPlane, type DeviceParts, deviceParts, managedFacts, ownDataDir } from './membership.ts';
import { findRunning } from './running.ts';
import type { Terminal } from './terminal.ts';

export interface EnrollScene {
  readonly io: Io;
  readonly dataDir: string;
  readonly terminal: Terminal;
  readonly managed: Managed;
}

export interface JoinWish {
  readonly url: string | undefined;
  readonly org: string | undefined;
  readonly root: string | undefined;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly newKeys: boolean;
}

const LARGEST_TOKEN_FILE = 4_096;
const LARGEST_CA_FILE = 1_048_576;

export async function join({ io, dataDir, terminal, managed }: EnrollScene, wish: JoinWish): Promise<number> {
  const settings = managedFacts(managed);
  ownDataDir(dataDir);
  const device = await deviceParts(dataDir, io.env, settings);
  const partial = targetFor(device, settings, wish);
  if (device.found.mode === 'organisation' && device.found.member !== undefined && !wish.newKeys) {
    const { enrolment, keys } = device.found.member;
    if (keys.kind !== 'keys') {
      throw new Error(`the keys of this device are ${keys.kind} (${keys.detail}); to make new ones, add --new-keys`);
    }
    if (enrolment.org !== partial.org || enrolment.url !== partial.url) {
      throw new Error(
        `this device belongs to ${enrolment.org} at ${enrolment.url}; leave that first: outpost enroll --leave`,
      );
    }
    io.stdout.write(`already enrolled: device ${enrolment.device} of ${enrolment.org}\n`);
    return 0;
  }
  const byItself = settings?.settings.organisation.token !== undefined && wish.tokenFile === undefined;
  if (byItself && !wish.newKeys && findRunning(dataDir) !== undefined) {
    // Two at once would each make keys.
    throw new Error('the daemon enrols this device by itself; `outpost status` says what keeps it from that');
  }
  const enrolment = await atControlPlane(partial, dataDir, async (ask) => {
    const root = partial.root ?? (await confirmedRoot(terminal, io, await fetchRoot(ask, partial.org, undefined)));
    const token = await tokenFor(terminal, settings, wish.tokenFile);
    return await enrol(device, ask, { target: { ...partial, root }, token, newKeys: wish.newKeys });
  });
  return tell(io, dataDir, enrolment, await keptHow(dataDir, io.env));
}

type PartialTarget = Omit<Target, 'root'> & { readonly root: string | undefined };

function targetFor(device: DeviceParts, settings: ManagedFacts | undefined, wish: JoinWish): PartialTarget {
  const { url, org, root, caFile } = wish;
  const said = url ?? org ?? root ?? caFile;
  if (settings !== undefined) {
    if (said === undefined) return targetOf(settings);
    throw new UsageError('device management says which organisation this is; give --token-file and --new-keys at most');
  }
  if (said === undefined && wish.newKeys) {
    const { found } = device;
    if (found.mode === 'organisation') return found.target;
    throw new UsageError('this device is not enrolled; say where to enrol: outpost enroll URL --org ORG');
  }
  if (url === undefined || org === undefined) throw new UsageError('say where to enrol: outpost enroll URL --org ORG');
  if (!isServerUrl(url)) throw new UsageError(`"${url}" is no https:// address of a server`);
  if (!isOrgId(org)) throw new UsageError('--org takes a name of a-z, 0-9 and "-"');
  if (root !== undefined && !isFingerprint(root)) {
    throw new UsageError(
      '--root takes a fingerprint, root-N: and 64 hex digits, as `outpost-admin root show` prints it',
    );
  }
  return { url, org, root, ca: caFile === undefined ? [] : certificatesIn(caFile) };
}

function certificatesIn(file: string): readonly string[] {
  const pems = splitPem(readSmall(file, LARGEST_CA_FILE, 'latin1'));
  if (pems.length === 0) throw new Error(`${file} has no certificate in PEM form`);
  return pems;
}

function readSmall(file: string, most: number, encoding: 'utf8' | 'latin1'): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`${file} does not exist`);
  if (!stat.isFile() || stat.size > most) throw new Error(`${file} is not a file of at most ${most} bytes`);
  return readFileSync(file, encoding);
}

/** A server that a person trusts at first sight could name any root: so the person compares it with what an administrator says. */
async function confirmedRoot(terminal: Terminal, io: Io, fingerprint: string): Promise<string> {
  if (!terminal.interactive) {
    throw new UsageError(
      '--root is needed where nobody can be asked; an administrator has it: outpost-admin root show',
    );
  }
  io.stderr.write(`The organisation’s root, as this server shows it:\n\n  ${fingerprint}\n\n`);
  io.stderr.write('Compare it with the one that an administrator has given you, all of it.\n');
  const answer = await terminal.ask('Are they the same? (yes/no) ');
  if (answer.toLowerCase() !== 'yes') throw new Error('not confirmed; nothing was sent to the server');
  return fingerprint;
}

async function tokenFor(
  terminal: Terminal,
  settings: ManagedFacts | undefined,
  file: string | undefined,
): Promise<string> {
  const managed = settings?.settings.organisation.token;
  if (file === undefined && managed !== undefined) return managed;
  const token = await givenToken(terminal, file);
  // Not repeated: it may be a good one with a letter too many.
  if (!isToken(token))
    throw new Error('that is no enrolment token; one looks like ote_ and 43 letters, digits, - and _');
  return token;
}

async function givenToken(terminal: Terminal, file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') return readSmall(file, LARGEST_TOKEN_FILE, 'utf8').trim();
  if (file === undefined && terminal.interactive) return await terminal.askSecret('Enrolment token (not shown): ');
  return await terminal.readLine();
}

function tell(io: Io, dataDir: string, { device, org, ring, bind_user }: Enrolment, kept: string): number {
  const runs = findRunning(dataDir) !== undefined;
  io.stdout.write(`enrolled: device ${device} of ${org}, ring ${ring}\n`);
  io.stdout.write(`device key: ${kept}\n`);
  io.stdout.write(runs ? 'the daemon takes it up within seconds\n' : 'start the daemon: outpost run\n');
  if (bind_user) io.stdout.write('the organisation wants to know who uses this device: outpost enroll --sign-in\n');
  return 0;
}
