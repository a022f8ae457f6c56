// SPDX-License-Identifier: Apache-2.0
// Opens the control plane that the options name: its database and its key folder, which whoever may read them may administer. A server may
// run beside it.

import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createLog } from '../../proxy/log.ts';
import type { Actor } from '../actor.ts';
import type { Context } from '../context.ts';
import { openDb } from '../db/open.ts';
import { openEvents } from '../events/open.ts';
import { openKeys } from '../keys/folder.ts';
import { databaseFailure } from './failure.ts';
import { createOutput, type Output } from './output.ts';
import {
  type Io,
  NotHereError,
  type Options,
  parseWords,
  UsageError,
  type Values,
  type Verb,
  type VerbText,
} from './verb.ts';

export const JSON_OPTION = { json: { type: 'boolean', help: 'one JSON value instead of text for people' } } as const;

export const PLACE_OPTIONS = {
  'data-dir': {
    type: 'string',
    value: 'DIR',
    help: 'data folder of the server: database and keys are here unless told otherwise',
  },
  database: {
    type: 'string',
    value: 'URL',
    help: 'sqlite:PATH or postgres://… (default: control-plane.db in the data folder). A URL with a password belongs into the variable OUTPOST_DATABASE_URL and is refused here: other users see options',
  },
  keys: { type: 'string', value: 'DIR', help: 'signing keys and the master key (default: keys in the data folder)' },
  ...JSON_OPTION,
} as const satisfies Options;

export const PLANE_OPTIONS = {
  org: { type: 'string', value: 'ID', help: 'the organisation; not needed where there is one' },
  ...PLACE_OPTIONS,
} as const satisfies Options;

interface Place {
  readonly database: string;
  readonly folder: string;
}

function placeOf(values: Values<typeof PLACE_OPTIONS>, env: NodeJS.ProcessEnv): Place {
  const dataDir = values['data-dir'];
  if (hasPassword(values.database))
    throw new UsageError('a password is seen by other users here; put the URL into the variable OUTPOST_DATABASE_URL');
  const inDataDir = (name: string): string => {
    if (dataDir === undefined) throw new UsageError('say --data-dir, the data folder of the server');
    return join(resolve(dataDir), name);
  };
  return {
    database: values.database ?? env['OUTPOST_DATABASE_URL'] ?? `sqlite:${inDataDir('control-plane.db')}`,
    folder: values.keys === undefined ? inDataDir('keys') : resolve(values.keys),
  };
}

function hasPassword(database = ''): boolean {
  const url = URL.parse(database);
  return url !== null && (url.password !== '' || url.searchParams.has('password'));
}

/** What is opened. */
export interface Opened {
  readonly ctx: Context;
  /** The key folder. */
  readonly folder: string;
  readonly actor: Actor;
}

export interface Plane extends Opened {
  readonly org: string;
}

/** A command on one organisation. */
export interface Call<O extends Options> extends Plane {
  readonly values: Values<O>;
  readonly args: readonly string[];
  readonly io: Io;
  readonly out: Output;
}

/** A verb that works on a control plane; what it does not say is done is 0. */
export function planeVerb<const O extends Options>({
  run,
  ...text
}: VerbText<O> & { run(call: Call<O>): Promise<number | undefined> }): Verb {
  const options = { ...text.options, ...PLANE_OPTIONS };
  return {
    ...text,
    options,
    async run(argv, io) {
      const { values, args } = parseWords(argv, { ...text, options });
      const common: Values<typeof PLANE_OPTIONS> = values;
      const out = createOutput(io.stdout, common.json === true);
      return await withOpened(common, io, async (opened) => {
        const org = await orgNamed(opened.ctx, common.org);
        return (await run({ ...opened, org, values, args, io, out })) ?? 0;
      });
    },
  };
}

/** A verb that needs nothing but its arguments: it also runs where there is no control plane. */
export function bareVerb<const O extends Options>({
  run,
  ...text
}: VerbText<O> & { run(call: Omit<Call<O>, keyof Plane>): Promise<number | undefined> }): Verb {
  const options = { ...text.options, ...JSON_OPTION };
  return {
    ...text,
    options,
    async run(argv, io) {
      const { values, args } = parseWords(argv, { ...text, options });
      const { json }: Values<typeof JSON_OPTION> = values;
      return (await run({ values, args, io, out: createOutput(io.stdout, json === true) })) ?? 0;
    },
  };
}

/** Opens, works, closes. `make`: there may be none yet. */
export async function withOpened<T>(
  values: Values<typeof PLACE_OPTIONS>,
  io: Io,
  work: (opened: Opened) => Promise<T>,
  { make = false }: { readonly make?: boolean } = {},
): Promise<T> {
  const { database, folder } = placeOf(values, io.env);
  if (make) makeFolders(values['data-dir']);
  else mustBeHere(database, folder);
  mustBeOurs(folder);
  const { clock, random } = io;
  const log = createLog({ write: (line) => void io.stderr.write(line), level: 'error', clock });
  const keys = openKeys(folder, random);
  const db = await openDb(database).catch((error: unknown) => {
    throw databaseFailure(error, database);
  });
  try {
    const events = await openEvents({ db, clock, log, random });
    try {
      const ctx: Context = { db, keys, clock, log, events, random };
      return await work({ ctx, folder, actor: { name: 'cli', osUser: io.osUser } });
    } finally {
      await events.close();
    }
  } finally {
    await db.close();
  }
}

function makeFolders(dataDir: string | undefined): void {
  if (dataDir !== undefined) mkdirSync(resolve(dataDir), { recursive: true, mode: 0o700 });
}

/** Opening makes what is missing: somebody who named the wrong folder would administer a new, empty control plane. */
function mustBeHere(database: string, folder: string): void {
  const path = /^sqlite:(.+)$/s.exec(database)?.[1];
  const missing = [...(path === undefined ? [] : [path]), join(folder, 'master.key')].find((one) => !existsSync(one));
  if (missing !== undefined)
    throw new NotHereError(`there is no control plane here (no ${missing}); make one with: outpost-admin init`);
}

/** Keys that another user made could not be read by the server, root's least of all. */
function mustBeOurs(folder: string): void {
  const uid = process.getuid?.();
  if (uid === undefined || !existsSync(folder)) return;
  const owner = lstatSync(folder).uid;
  if (owner !== uid)
    throw new Error(`${folder} belongs to user ${owner}; run this as that user: sudo -u '#${owner}' outpost-admin …`);
}

async function orgNamed({ db }: Context, wanted: string | undefined): Promise<string> {
  const all = db.query.selectFrom('org').select('id').orderBy('id');
  const found = await (wanted === undefined ? all.limit(20) : all.where('id', '=', wanted)).execute();
  const [first] = found;
  if (first === undefined)
    throw new NotHereError(
      wanted === undefined
        ? 'there is no organisation yet; make one with: outpost-admin init'
        : `there is no organisation ${wanted}`,
    );
  if (found.length > 1) throw new UsageError(`say --org, one of ${found.map(({ id }) => id).join(', ')}`);
  return first.id;
}
