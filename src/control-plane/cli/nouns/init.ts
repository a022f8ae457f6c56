// SPDX-License-Identifier: Apache-2.0
// `outpost-admin init`: makes an organisation with all that it needs to begin.

import { ensureBootstrapAdmin } from '../../admin/auth/users.ts';
import { createOrg } from '../../orgs/create.ts';
import { createOutput } from '../output.ts';
import { PLACE_OPTIONS, withOpened } from '../plane.ts';
import { type Noun, parseWords, required, type Verb, wholeNumber } from '../verb.ts';

const OPTIONS = {
  org: { type: 'string', value: 'ID', help: 'what the organisation is called in URLs: a-z, 0-9 and "-"' },
  name: { type: 'string', value: 'NAME', help: 'what people call it' },
  'four-eyes': { type: 'boolean', help: 'a second person must approve each version of the policy' },
  'root-keys': {
    type: 'string',
    value: 'N',
    help: 'root keys to make (default 1, at most 8); keep them offline later with: root prepare',
  },
  'root-threshold': { type: 'string', value: 'N', help: 'how many of them must sign (default 1, at most 4)' },
  ...PLACE_OPTIONS,
} as const;

const text = {
  help: 'Makes an organisation: its keys, its first root and its first administrator. Makes the database and the key folder where there are none. Prints the fingerprint that device management pins, and a password that is shown this once.',
  example: '--org acme --name "Acme Ltd"',
  options: OPTIONS,
};

const init: Verb = {
  ...text,
  async run(argv, io) {
    const { values } = parseWords(argv, text);
    const [id, name] = [required(values.org, 'org'), required(values.name, 'name')];
    const keys = wholeNumber(values['root-keys'] ?? '1', '--root-keys', { least: 1, most: 8 });
    const threshold = wholeNumber(values['root-threshold'] ?? '1', '--root-threshold', { least: 1, most: 4 });
    const out = createOutput(io.stdout, values.json === true);
    return await withOpened(
      values,
      io,
      async ({ ctx, folder, actor }) => {
        const fourEyes = values['four-eyes'] === true;
        const { fingerprint } = await createOrg(ctx, folder, { id, name, root: { keys, threshold }, fourEyes }, actor);
        const admin = await ensureBootstrapAdmin(ctx, id);
        out.fields([
          ['organisation', id],
          ['root', fingerprint],
          ['first administrator', admin?.name],
          ['password, shown this once', admin?.password],
        ]);
        out.say(
          '\nDevice management pins the root. Keep a copy of the key folder where nobody else comes to it.\nThen: outpost-control-plane serve, and: outpost-admin token create',
        );
        out.value({
          org: id,
          root: fingerprint,
          ...(admin === undefined ? {} : { user: admin.name, password: admin.password }),
        });
        return 0;
      },
      { make: true },
    );
  },
};

export const initNoun: Noun = { summary: 'make an organisation', verbs: { '': init } };
