// SPDX-License-Identifier: Apache-2.0
// The demonstration's organisation: a real control plane as a child process, and what an administrator does to it, with the commands that
// an administrator has.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type DaemonProcess, runOutpost } from './daemon-process.ts';
import { runProgram, startProgram } from './project-process.ts';
import { Trouble } from './trouble.ts';

const ADMIN = 'control-plane/outpost-admin.mjs';
const SERVER = 'control-plane/control-plane.mjs';
const ORG = 'demo';
/** Milliseconds. */
const ACTIVATION_LIMIT = 30_000;

/** What is remembered of a demonstration whose folder is kept. The device knows the server by its port. */
const kept = z.strictObject({ port: z.int(), root: z.string() });

const asked = {
  init: z.object({ root: z.string(), user: z.string(), password: z.string() }),
  draft: z.object({ version: z.int() }),
  token: z.object({ token: z.string() }),
  devices: z.object({
    devices: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        policy_version: z.int().nullable(),
        freshness: z.string().nullable(),
      }),
    ),
  }),
  rows: z.object({ rows: z.array(z.object({ request: z.string().nullable().optional() })) }),
  status: z.object({
    organisation: z.object({ device: z.string().optional(), version: z.int().optional() }).optional(),
  }),
  chains: z.object({ whole: z.boolean(), epochs: z.array(z.object({ rows: z.int() })) }),
};

export interface Place {
  /** The daemon's. */
  readonly agent: string;
  readonly controlPlane: string;
}

export interface Organisation {
  readonly url: string;
  readonly name: string;
  /** Who may sign in to the admin page; the password only where it has just been made. */
  readonly admin: { readonly user: string; readonly password: string | undefined };
  readonly ended: Promise<string>;
  /** Signs and publishes a policy for all devices; resolves to its version. */
  publish(config: string, secrets: Readonly<Record<string, string>>): Promise<number>;
  /** Makes the device of the agent's folder a member, unless it is one. */
  enrol(): Promise<void>;
  /** What the organisation knows of its device. */
  device(): Promise<z.output<typeof asked.devices>['devices'][number] | undefined>;
  /** Ids of the calls whose rows have arrived. */
  calls(): Promise<ReadonlySet<string>>;
  /** Are the chains of all rows that arrived whole, and how many rows is that? */
  verify(): Promise<{ readonly whole: boolean; readonly rows: number }>;
  stop(): Promise<void>;
}

/** Throws when the folder has what no demonstration left there. */
export function placeIn(folder: string): Place {
  const foreign = existsSync(folder)
    ? readdirSync(folder).find((name) => !['agent', 'control-plane', 'demo.json'].includes(name))
    : undefined;
  if (foreign !== undefined) throw new Trouble(`${folder} holds ${foreign}; name an empty folder with --data-dir`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { agent: join(folder, 'agent'), controlPlane: join(folder, 'control-plane') };
}

/** Makes the organisation, or goes on with the one that the folder has, and starts its control plane. */
export async function startOrganisation(folder: string, place: Place): Promise<Organisation> {
  const memory = join(folder, 'demo.json');
  const before = existsSync(memory) ? kept.parse(JSON.parse(readFileSync(memory, 'utf8'))) : undefined;
  const admin = (words: readonly string[], input?: string): Promise<string> =>
    runProgram(ADMIN, [...words, '--data-dir', place.controlPlane], input);
  const ask = async <S extends z.ZodType>(schema: S, ...words: readonly string[]): Promise<z.output<S>> =>
    schema.parse(JSON.parse(await admin([...words, '--json'])));

  // One that was interrupted before it was remembered is of no use to anybody.
  if (before === undefined) rmSync(place.controlPlane, { recursive: true, force: true });
  const made =
    before === undefined ? await ask(asked.init, 'init', '--org', ORG, '--name', 'Demonstration') : undefined;
  const root = before?.root ?? made?.root ?? '';
  const server = await startProgram<{ readonly url: string }>(
    SERVER,
    ['serve', '--data-dir', place.controlPlane, '--port', String(before?.port ?? 0)],
    join(place.controlPlane, 'ready.json'),
  );
  const { url } = server.ready;
  writeFileSync(memory, JSON.stringify({ port: Number(new URL(url).port), root }), { mode: 0o600 });

  return {
    url,
    name: ORG,
    admin: { user: made?.user ?? 'admin', password: made?.password },
    ended: server.ended,
    stop: server.stop,
    async publish(config, secrets) {
      const draft = join(place.controlPlane, 'policy.yaml');
      writeFileSync(draft, config, { mode: 0o600 });
      for (const [name, value] of Object.entries(secrets)) await admin(['secret', 'set', name], value);
      const { version } = await ask(asked.draft, 'policy', 'draft', draft, '--note', 'npm start');
      await admin(['policy', 'publish', String(version), '--stage', '100']);
      return version;
    },
    async enrol() {
      if (existsSync(join(place.agent, 'org', 'enrolment.json'))) return;
      const { token } = await ask(asked.token, 'token', 'create', '--url', url, '--valid', '1h');
      const where = ['--org', ORG, '--root', root, '--token-file', '-'];
      await runOutpost(place.agent, ['enroll', url, ...where, '--yes'], token);
    },
    async device() {
      const { devices } = await ask(asked.devices, 'device', 'list');
      return devices[0];
    },
    async calls() {
      const { rows } = await ask(asked.rows, 'audit', 'search', '--limit', '100');
      return new Set(rows.flatMap(({ request }) => request ?? []));
    },
    async verify() {
      const { whole, epochs } = await ask(asked.chains, 'audit', 'verify');
      return { whole, rows: epochs.reduce((sum, { rows }) => sum + rows, 0) };
    },
  };
}

/** Resolves to the device's id once its daemon goes by this version. */
export async function takesUp(daemon: DaemonProcess, version: number): Promise<string> {
  const deadline = performance.now() + ACTIVATION_LIMIT;
  for (;;) {
    await daemon.outpost('sync');
    const { organisation } = asked.status.parse(JSON.parse(await daemon.outpost('status', '--json')));
    if (organisation?.device !== undefined && organisation.version === version) return organisation.device;
    if (performance.now() > deadline) throw new Trouble(`the device did not take up version ${version}`);
    await pause(100);
  }
}
