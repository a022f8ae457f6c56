// SPDX-License-Identifier: Apache-2.0
// `outpost policy show`: which rules hold on this device, and who set each value. Reads what lies on the disk, checked as a daemon checks
// it that starts, so that it works with the daemon down.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AgentState, agentState } from '../../contract/local-api.ts';
import type { Log, LogFields } from '../../contract/log.ts';
import { printable } from '../../contract/printable.ts';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { standingOf } from '../managed-source.ts';
import type { Managed } from '../os/managed-settings/managed-settings.ts';
import { checkConfig } from '../policy/check.ts';
import { formatError } from '../policy/format-error.ts';
import { settingsOf } from '../policy/settings.ts';
import { BUILD_DATE } from '../sync/build-date.ts';
import { threadChecks } from '../sync/check/ask.ts';
import { faultsOf, type Problem } from '../sync/check/messages.ts';
import { type EffectiveValue, effectiveValues } from '../sync/effective.ts';
import { readEnrolment } from '../sync/enrol/enrolment-file.ts';
import { managementOf, targetOf } from '../sync/enrol/membership.ts';
import { filePort } from '../sync/files.ts';
import { begin } from '../sync/machine.ts';
import { openOrgFolder } from '../sync/org-folder.ts';
import { startFrom } from '../sync/start.ts';
import { readClock } from '../sync/trusted-time.ts';
import { VERSION } from '../version.ts';
import {
  type Command,
  DATA_DIR_HELP,
  DATA_DIR_OPTION,
  type Io,
  parseOptions,
  pathsFor,
  UsageError,
} from './command.ts';
import { managedAt } from './membership.ts';
import { callApi, findRunning } from './running.ts';

/** As it is shown, and as `--json` prints it. Times are milliseconds since the Unix epoch. */
interface ShownValue {
  readonly path: string;
  readonly value: string | number | boolean;
  /** `managed`, `bundle N`, `file PATH` or `default`. */
  readonly source: string;
  readonly scope: 'organisation' | 'device';
  /** `always`: it is what nobody has set. */
  readonly since: number | 'always';
}

interface Shown {
  readonly mode: 'organisation' | 'stand-alone';
  /** What rules, in words. */
  readonly rules: string;
  readonly version?: number;
  readonly sha256?: string;
  readonly since?: number;
  /** Of an organisation's policy. */
  readonly state?: string;
  readonly managed?: string;
  readonly problems: readonly string[];
  readonly values: readonly ShownValue[];
}

export interface PolicyParts {
  readonly managed: (dataDir: string) => Promise<Managed>;
}

const HELP = `outpost policy show [--effective] [--json] [--config FILE] [--data-dir DIR]

Shows which rules hold on this device, where they come from, and each value that somebody has set. Works with the daemon down. Secrets
are shown by their names only. Exit code 0: rules were found; 1: they cannot be read.

  SOURCE              managed: the device management of this machine; bundle N: version N of the organisation's policy;
                      file: your outpost.yaml; default: nobody has set it
  SCOPE               organisation: set for devices of the organisation; device: for this one
  SINCE               when the version with the value came to rule here, or the file of device management was changed; always: it is
                      what nobody has set

  --effective         also the values that nobody has set
  --json              machine-readable
  --config FILE       the rules of a device that is in no organisation (default: those of the running daemon, or outpost.yaml in the
                      per-user configuration folder)
${DATA_DIR_HELP}
`;

export function createPolicy({ managed }: PolicyParts): Command {
  return {
    help: HELP,
    async run(args, io) {
      const { values, positionals } = parseOptions(
        args,
        {
          effective: { type: 'boolean' },
          json: { type: 'boolean' },
          config: { type: 'string' },
          ...DATA_DIR_OPTION,
        },
        { max: 1 },
      );
      if (positionals[0] !== 'show') throw new UsageError('say "show"');
      const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
      const settings = await managed(dataDir);
      const found = (await ofOrganisation(dataDir, settings, io.env)) ?? (await ofFile(dataDir, values.config, io));
      if (found === undefined) return 1;
      const ignored =
        settings.kind === 'problem' ? [`the settings of device management cannot be read: ${settings.message}`] : [];
      const shown = { ...found, problems: [...ignored, ...found.problems] };
      const wanted = values.effective ? shown.values : shown.values.filter(({ source }) => source !== 'default');
      const all = { ...shown, values: wanted };
      io.stdout.write(values.json ? `${JSON.stringify(all)}\n` : words(all));
      return 0;
    },
  };
}

export const policy = createPolicy({ managed: (dataDir) => managedAt(dataDir) });

/** Undefined: this device is in none. */
async function ofOrganisation(dataDir: string, managed: Managed, env: NodeJS.ProcessEnv): Promise<Shown | undefined> {
  const folder = openOrgFolder(join(dataDir, 'org'), filePort);
  const standing = await standingOf(managed, folder);
  const settings = standing.facts;
  const read = await readEnrolment(folder);
  const own = read.kind === 'enrolment' ? read.enrolment : undefined;
  const target = settings === undefined ? own : targetOf(settings);
  if (target === undefined) {
    if (!standing.inDoubt) return undefined;
    const rules = 'none: AI requests are refused until the settings of device management can be read';
    return { mode: 'organisation', rules, problems: [], values: [] };
  }
  const { org, root } = target;
  const { device, ring } = own?.org === org ? own : { device: '', ring: 'none' };
  const management = managementOf(standing);
  const reading = readClock(systemClock);
  const troubles: string[] = [];
  // What a daemon would log at its start.
  const log: Log = {
    ...silentLog,
    warn: (event, fields = {}) => troubles.push(troubleWords(event, fields)),
  };
  const start = await startFrom({
    folder,
    checks: threadChecks,
    anchor: { org, device, root },
    owner: { org, device, agent: VERSION },
    ring,
    surroundings: { sealingKeys: [], env: { ...env } },
    reading,
    buildDate: BUILD_DATE,
    // They are not shown.
    withoutSecrets: true,
    log,
  });
  const active = start.active?.activation;
  const published = active?.config ?? {};
  const { organisation } = settingsOf(published, []);
  const rules =
    active === undefined || start.active === undefined
      ? undefined
      : { version: active.version, sha256: active.sha256, since: start.active.since };
  const { view } = begin(
    {
      kept: start.kept,
      document: start.document?.facts,
      active: rules === undefined ? undefined : { ...rules, secrets: 0, organisation },
    },
    { reading, random: () => 0, management, buildDate: BUILD_DATE },
  ).state;
  const effective = effectiveValues({
    published,
    since: rules?.since,
    floors: management.floors,
    managedSince: settings?.since,
  });
  const bundle = `bundle ${rules?.version ?? 0}`;
  return {
    mode: 'organisation',
    rules: rules === undefined ? `no policy of ${org} yet` : `version ${rules.version} of ${org}’s policy`,
    ...rules,
    state: view.phase,
    ...(managed.kind !== 'none' && { managed: managed.path }),
    problems: troubles,
    values: effective.map((value) => shownValue(value, bundle, 'organisation')),
  };
}

function troubleWords(event: string, { file, error, object, code }: LogFields): string {
  if (event === 'sync-state-damaged') return 'state.json is damaged; what it said is lost';
  if (error !== undefined) return `${file} cannot be read: ${error}`;
  const [fault] = faultsOf({ object, code } as Problem);
  const name = file === 'fresh' ? 'fresh.json' : `policy.${file}`;
  return `${name} is not used: ${fault?.message ?? event}`;
}

/** Undefined: they cannot be read; that has been said. */
async function ofFile(dataDir: string, named: string | undefined, io: Io): Promise<Shown | undefined> {
  const running = named === undefined ? await policyOfDaemon(dataDir) : undefined;
  const path = resolve(named ?? running?.path ?? pathsFor(io).configPath);
  const checked = await checkConfig({
    path,
    mayBeAbsent: named === undefined && running?.path === undefined,
    env: io.env,
  });
  if (!checked.ok) {
    for (const error of checked.errors) io.stderr.write(`${path}: ${formatError(error)}\n`);
    return undefined;
  }
  const values = effectiveValues({ published: checked.config, since: running?.since ?? changedAt(path), floors: {} });
  return {
    mode: 'stand-alone',
    rules: checked.text === undefined ? 'the built-in defaults' : path,
    problems: [],
    values: values.map((value) => shownValue(value, `file ${path}`, 'device')),
  };
}

/** When a daemon that starts now would say that it was changed. */
function changedAt(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : Math.trunc(stat.mtimeMs);
}

/** The file that the running daemon goes by, and since when. */
async function policyOfDaemon(dataDir: string): Promise<AgentState['policy'] | undefined> {
  const ready = findRunning(dataDir);
  if (ready === undefined) return undefined;
  return agentState.parse(await callApi(dataDir, ready, 'GET', '/v1/state')).policy;
}

function shownValue(
  { path, value, source, since }: EffectiveValue,
  policySource: string,
  policyScope: ShownValue['scope'],
): ShownValue {
  const names = { management: 'managed', policy: policySource, default: 'default' } as const;
  const scope = source === 'policy' ? policyScope : 'device';
  return { path, value, source: names[source], scope, since: since ?? 'always' };
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

const STATES: Readonly<Record<string, string>> = {
  waiting: 'waiting for the first policy',
  fresh: 'fresh',
  stale: 'not refreshed in time, still enforced',
  expired: 'expired: nothing new was heard for too long',
  revoked: 'this device was revoked',
};

function words({ mode, rules, sha256, since, state, managed, problems, values }: Shown): string {
  const lines = [`rules: ${rules}`];
  if (sha256 !== undefined) lines.push(`  sha256   ${sha256}`);
  if (since !== undefined) lines.push(`  since    ${day(since)} UTC`);
  if (state !== undefined) lines.push(`  state    ${STATES[state] ?? state}`);
  if (managed !== undefined) lines.push(`  managed  by ${managed}`);
  for (const problem of problems) lines.push(`  PROBLEM  ${printable(problem)}`);
  if (values.length > 0) lines.push('', ...table(values));
  else if (mode === 'stand-alone') lines.push('  nothing is set; --effective shows the defaults');
  return `${lines.join('\n')}\n`;
}

/** The value comes last: it may be long. */
function table(values: readonly ShownValue[]): readonly string[] {
  const rows = values.map(({ path, value, source, scope, since }) => [
    path,
    source.startsWith('file ') ? 'file' : source,
    source === 'default' ? '-' : scope,
    since === 'always' ? since : day(since),
    String(value),
  ]);
  const all = [['NAME', 'SOURCE', 'SCOPE', 'SINCE (UTC)', 'VALUE'], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.min(48, Math.max(...all.map((row) => row[at]?.length ?? 0))));
  return all.map((row) => row.map((cell, at) => printable(cell).padEnd(widths[at] ?? 0)).join('  '));
}
