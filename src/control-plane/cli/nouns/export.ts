// SPDX-License-Identifier: Apache-2.0
// `outpost-admin export`: where audit rows are sent, and how that goes. Values of secret headers come from standard input.

import { readFileSync } from 'node:fs';
import { addExport, removeExport, setExportSecret } from '../../exports/change.ts';
import { EXPORT_TYPES, ROW_KINDS } from '../../exports/settings.ts';
import { skipRow } from '../../exports/skip.ts';
import { tryExport } from '../../exports/try.ts';
import { exportStates } from '../../exports/waiting.ts';
import { type Call, planeVerb } from '../plane.ts';
import { readTime, shownTime } from '../times.ts';
import { type Noun, type Options, oneOf, readAll, required, UsageError, wholeNumber } from '../verb.ts';

const MINUTE = 60_000;
const MOST_COUNTED = 10_000;
/** Bytes; a value has at most 4096. */
const LARGEST_SECRET = 8_192;
const NAME = { args: 'NAME', count: [1, 1] } as const;

const list = planeVerb({
  help: 'Each export: how many rows wait, for how long, and why. Exit code 1: one is in trouble.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const exports = await exportStates(ctx, org);
    out.value({ exports });
    out.table(
      ['NAME', 'TYPE', 'WAITING', 'BEHIND', 'REFUSED', 'NEXT TRY (UTC)', 'PROBLEM'],
      exports.map(({ name, type, begun, waiting, behind_ms, rejected, next, problem }) => [
        name,
        type,
        begun === null ? 'not begun' : waiting >= MOST_COUNTED ? `${MOST_COUNTED} or more` : waiting,
        `${Math.floor(behind_ms / MINUTE)} min`,
        rejected,
        shownTime(next),
        problem,
      ]),
      'There are no exports.',
    );
    return exports.some(({ problem }) => problem !== null) ? 1 : 0;
  },
});

const ADD_OPTIONS = {
  type: { type: 'string', value: 'TYPE', help: EXPORT_TYPES.join(', ') },
  url: { type: 'string', value: 'URL', help: 'of the receiver, of otlp without /v1/logs; not for syslog' },
  host: { type: 'string', value: 'HOST', help: 'of the receiver, for syslog' },
  port: { type: 'string', value: 'PORT', help: 'for syslog (default: 6514)' },
  header: { type: 'string', multiple: true, value: "'NAME: VALUE'", help: 'sent along; may be given several times' },
  'secret-header': {
    type: 'string',
    value: 'NAME',
    help: 'a header whose value is read from standard input: authorization',
  },
  kinds: { type: 'string', value: 'KIND,…', help: `rows of these kinds only: ${ROW_KINDS.join(', ')}` },
  since: {
    type: 'string',
    value: 'TIME',
    help: 'begins with rows that arrived from then on: now, 2030-01-31, 2030-01-31T05:00 (UTC) or 30d (ago); default: with the oldest that is kept',
  },
  ca: { type: 'string', value: 'FILE', help: 'PEM certificates to trust instead of those of the system' },
} as const satisfies Options;

const add = planeVerb({
  ...NAME,
  help: 'Adds an export; a running server begins within seconds.',
  example: 'siem --type ocsf --url https://siem.example --secret-header authorization < key.txt',
  options: ADD_OPTIONS,
  async run(call) {
    const { ctx, org, actor, out, args } = call;
    const [name = ''] = args;
    await addExport(ctx, org, actor, { name, ...(await settingsFrom(call)) });
    out.say(`added; see whether its receiver takes a row with: outpost-admin export test ${name}`);
    out.value({ done: true });
  },
});

async function settingsFrom({ ctx, values, io }: Call<typeof ADD_OPTIONS>): Promise<Record<string, unknown>> {
  const { url, host, port, header = [], kinds, since, ca } = values;
  const secret = values['secret-header'];
  const type = oneOf(required(values.type, 'type'), '--type', EXPORT_TYPES);
  const now = ctx.clock.now();
  const from = since === 'now' ? now : since === undefined ? undefined : readTime(since, '--since', now);
  const members = {
    type,
    url,
    host,
    port: port === undefined ? undefined : wholeNumber(port, '--port', { least: 1, most: 65_535 }),
    headers: header.length === 0 ? undefined : Object.fromEntries(header.map(headerOf)),
    secret_headers: secret === undefined ? undefined : { [secret]: await readSecret(io) },
    kinds: kinds?.split(',').map((kind) => oneOf(kind.trim(), '--kinds', ROW_KINDS)),
    since: from === undefined ? undefined : new Date(from).toISOString(),
    ca: ca === undefined ? undefined : readFileSync(ca, 'utf8'),
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function headerOf(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  // The text is not repeated: somebody may have put a key into it.
  if (name === undefined || value === undefined) throw new UsageError("--header takes 'NAME: VALUE'");
  return [name, value];
}

async function readSecret(io: Call<typeof ADD_OPTIONS>['io']): Promise<string> {
  return (await readAll(io.stdin, LARGEST_SECRET)).replace(/\r?\n$/, '');
}

const secret = planeVerb({
  args: 'NAME HEADER',
  count: [2, 2],
  help: 'Sets or replaces the value of a secret header, which is read from standard input. It is good for the host of the URL alone, and shown to nobody.',
  example: 'siem authorization < key.txt',
  options: {},
  async run({ ctx, org, actor, args: [name = '', header = ''], io, out }) {
    await setExportSecret(ctx, org, actor, name, header, await readSecret(io));
    out.say('set');
    out.value({ done: true });
  },
});

const remove = planeVerb({
  ...NAME,
  help: 'Takes an export out. Rows that wait are not sent; one that is added later under the same name begins anew.',
  example: 'siem',
  options: {},
  async run({ ctx, org, actor, args: [name = ''], out }) {
    await removeExport(ctx, org, actor, name);
    out.say('removed');
    out.value({ done: true });
  },
});

const test = planeVerb({
  ...NAME,
  help: 'Sends one made-up row, from this machine, and says whether the receiver took it. Exit code 1: it did not.',
  example: 'siem',
  options: {},
  async run({ ctx, org, args: [name = ''], out }) {
    const delivery = await tryExport(ctx, org, name);
    const taken = delivery.kind === 'taken' && delivery.rejected === 0;
    const problem = delivery.kind === 'taken' ? 'the receiver dropped it' : delivery.reason;
    out.value({ taken, problem: taken ? null : problem });
    out.say(taken ? 'taken' : `not taken: ${problem}`);
    return taken ? 0 : 1;
  },
});

const skip = planeVerb({
  ...NAME,
  help: 'Passes over the one row that an export is stuck at, where its receiver will never take it.',
  example: 'siem',
  options: {},
  async run({ ctx, org, actor, args: [name = ''], out }) {
    const row = await skipRow(ctx, org, actor, name);
    out.say(`row ${row} is not sent`);
    out.value({ row });
  },
});

export const exportNoun: Noun = {
  summary: 'where audit rows are sent',
  verbs: { list, add, secret, test, skip, remove },
};
