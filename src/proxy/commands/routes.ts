// SPDX-License-Identifier: Apache-2.0
// `outpost routes`: which targets a call would meet now, and whether a file of rules is good.

import { resolve } from 'node:path';
import { type RouteReport, routeReport } from '../../contract/local-api.ts';
import { printable } from '../../contract/printable.ts';
import { checkConfig } from '../policy/check.ts';
import { formatError } from '../policy/format-error.ts';
import {
  type Command,
  DATA_DIR_HELP,
  DATA_DIR_OPTION,
  type Io,
  parseOptions,
  pathsFor,
  UsageError,
} from './command.ts';
import { callApi, findRunning } from './running.ts';

export const routes: Command = {
  help: `outpost routes explain --model M [--app A] [--provider P] [--dialect D] [--path /P] [--json] [--data-dir DIR]
outpost routes test FILE

explain   the chain of targets that a call would meet now: order, health, weight, and why a target would be skipped.
          Asks the running daemon. Exit code 0: a target can be tried; 1: none; 3: the daemon is not running.
test      checks a file as the daemon would, without running it. Exit code 0: good; 1: not.

  --model M           the model that the app asks for
  --app A             the app that asks (as in the audit log)
  --provider P        the provider that it turns to (default: the first one configured)
  --dialect D         the protocol that it speaks, such as openai-chat or anthropic-messages (default: the provider's own)
  --path /P           the path of the call, for routes that ask for one
  --json              the answer of the local API
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const [what, ...rest] = args;
    if (what === 'explain') return explain(rest, io);
    if (what === 'test') return testFile(rest, io);
    throw new UsageError(what === undefined ? 'say "explain" or "test"' : `there is no "routes ${what}"`);
  },
};

async function explain(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, {
    model: { type: 'string' },
    app: { type: 'string' },
    provider: { type: 'string' },
    dialect: { type: 'string' },
    path: { type: 'string' },
    json: { type: 'boolean' },
    ...DATA_DIR_OPTION,
  });
  if (values.model === undefined) throw new UsageError('--model is needed');
  const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
  const ready = findRunning(dataDir);
  if (ready === undefined) {
    io.stderr.write(`outpostd is not running on ${dataDir}; start it with: outpost run\n`);
    return 3;
  }
  const query = new URLSearchParams({ model: values.model });
  for (const name of ['app', 'provider', 'dialect', 'path'] as const) {
    const value = values[name];
    if (value !== undefined) query.set(name, value);
  }
  const report = routeReport.parse(await callApi(dataDir, ready, 'GET', `/v1/routes?${query}`));
  io.stdout.write(values.json ? `${JSON.stringify(report)}\n` : words(report));
  return report.targets.some(({ order }) => order !== undefined) ? 0 : 1;
}

function words(report: RouteReport): string {
  const lines = [
    `model ${printable(report.model)}: ${report.route === undefined ? 'no route, the addressed provider alone' : `route ${report.route}`}`,
  ];
  if (report.offline) lines.push('  this machine is offline: calls are answered with an error at once');
  for (const target of report.targets) {
    const place = target.order === undefined ? '-' : String(target.order);
    const name = `${target.provider}${target.model === undefined ? '' : ` as ${printable(target.model)}`}`;
    const about = [
      `group ${target.group + 1} (${target.group_order})`,
      `weight ${target.weight}`,
      target.state,
      target.way,
    ];
    lines.push(`  ${place.padStart(2)}  ${name}  [${about.filter((word) => word !== undefined).join(', ')}]`);
    if (target.skip !== undefined) lines.push(`        skipped: ${target.skip}`);
    if (target.way === 'impossible') lines.push('        skipped: speaks no protocol into which the call could be put');
    for (const key of target.keys) {
      lines.push(`        key ${key.name}, weight ${key.weight}${key.skip === undefined ? '' : `, out: ${key.skip}`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

async function testFile(args: readonly string[], io: Io): Promise<number> {
  const { positionals } = parseOptions(args, {}, { max: 1 });
  const [file] = positionals;
  if (file === undefined) throw new UsageError('name the file to test');
  const checked = await checkConfig({ path: resolve(file), mayBeAbsent: false, env: io.env });
  if (!checked.ok) {
    for (const error of checked.errors) io.stderr.write(`${file}: ${formatError(error)}\n`);
    return 1;
  }
  const { providers = [], routes = [] } = checked.config;
  io.stdout.write(`${file}: good (providers: ${providers.length}, routes: ${routes.length})\n`);
  return 0;
}
