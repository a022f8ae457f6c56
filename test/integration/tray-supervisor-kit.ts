// SPDX-License-Identifier: Apache-2.0
// What the tests of the tray's supervisor share: a scratch folder, hosts, and a daemon that the test plays.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../src/contract/clock.ts';
import type { AgentState } from '../../src/contract/local-api.ts';
import type { Link } from '../../src/contract/tray.ts';
import { createChildHost } from '../../src/main/child-host.ts';
import { createRunner } from '../../src/main/command-runner.ts';
import { programEnv } from '../../src/main/daemon-env.ts';
import type { DaemonHost } from '../../src/main/daemon-host.ts';
import { createOutpostCommand } from '../../src/main/outpost-command.ts';
import type { Known, Supervisor } from '../../src/main/shapes.ts';
import { createSupervisor } from '../../src/main/supervisor.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { VERSION } from '../../src/proxy/version.ts';
import { CATALOGUES } from '../../src/strings/catalogue.ts';

export const OUTPOST = [
  process.execPath,
  fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url)),
] as const;
export const PORTS = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];
export const TOKEN = 't'.repeat(43);
export const uid = process.getuid?.();

export async function until<T>(value: () => T | undefined | false, what: string): Promise<T> {
  const limit = performance.now() + 60_000;
  for (;;) {
    const got = value();
    if (got !== undefined && got !== false) return got;
    assert.ok(performance.now() < limit, `${what}: it never came`);
    await pause(25);
  }
}

export interface Scene {
  readonly folder: string;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Done before the folder goes. */
  readonly atEnd: (() => Promise<void>)[];
}

export function sceneFor(t: TestContext): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-supervisor-'));
  const atEnd: Scene['atEnd'] = [];
  t.after(async () => {
    for (const end of atEnd) await end();
    rmSync(folder, { recursive: true, force: true });
  });
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  return {
    folder,
    dataDir,
    atEnd,
    env: programEnv({ ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder }),
  };
}

export const childOf = ({ dataDir, env }: Scene): DaemonHost =>
  createChildHost({ outpost: [...OUTPOST], args: ['--data-dir', dataDir, ...PORTS], env, clock: systemClock });

/** A host that only notes what it is asked. */
export function notedHost(installed: boolean): DaemonHost & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    installed: () => installed,
    start: () => void asked.push('start'),
    stop: async () => void asked.push('stop'),
    pid: () => undefined,
    onEnd: () => undefined,
  };
}

export interface Told {
  readonly supervisor: Supervisor;
  readonly links: string[];
  readonly known: () => Known;
}

export const phaseOf = (link: Link): string => (link.kind === 'lost' ? `lost ${link.host?.phase}` : link.kind);

export function supervise(
  scene: Scene,
  child: DaemonHost,
  service: DaemonHost = notedHost(false),
  clock: Clock = systemClock,
): Told {
  const supervisor = createSupervisor({
    clock,
    random: () => 0,
    version: VERSION,
    dataDir: scene.dataDir,
    uid,
    hosts: { child, service },
    command: createOutpostCommand({
      outpost: [...OUTPOST],
      args: ['--data-dir', scene.dataDir],
      env: scene.env,
      run: createRunner(systemClock),
    }),
    words: () => CATALOGUES.en,
    log: silentLog,
  });
  scene.atEnd.push(() => supervisor.quit());
  const links = [phaseOf(supervisor.known().link)];
  supervisor.listen(({ link }) => {
    if (links.at(-1) !== phaseOf(link)) links.push(phaseOf(link));
  });
  return { supervisor, links, known: supervisor.known };
}

export const isLive = ({ known }: Told): Promise<AgentState> =>
  until(() => known().link.kind === 'live' && known().state, 'it is live');
