// SPDX-License-Identifier: Apache-2.0
// `outpost-admin user`: the people who administer the organisation.

import { ROLES, type Role } from '../../../contract/admin/access.ts';
import {
  createUser,
  type FirstPassword,
  listUsers,
  resetPassword,
  setDisabled,
  setRoles,
} from '../../admin/auth/users.ts';
import type { Context } from '../../context.ts';
import { Refused } from '../../refused.ts';
import type { Output } from '../output.ts';
import { planeVerb } from '../plane.ts';
import { shownTime } from '../times.ts';
import { type Noun, oneOf, type Verb } from '../verb.ts';

const MANY = 64;

const list = planeVerb({
  help: 'Everybody, by name.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const users = await listUsers(ctx, org);
    out.value({ users });
    out.table(
      ['NAME', 'FROM', 'ROLES', 'LAST SIGN-IN (UTC)', 'SHUT OUT', 'ID'],
      users.map(({ id, name, source, roles, last_sign_in, disabled }) => [
        name,
        source,
        roles.join(', '),
        shownTime(last_sign_in),
        disabled,
        id,
      ]),
      'There is nobody.',
    );
  },
});

const rolesIn = (texts: readonly string[]): readonly Role[] => [
  ...new Set(texts.map((text) => oneOf(text, 'ROLE', ROLES))),
];

function tellPassword(out: Output, { id, name, password }: FirstPassword): void {
  out.value({ id, name, password });
  out.fields([
    ['name', name],
    ['password, shown this once', password],
  ]);
}

const add = planeVerb({
  args: 'NAME ROLE…',
  count: [2, MANY],
  help: `Somebody with a password, which is shown this once and must be changed at the first sign-in. Roles: ${ROLES.join(', ')}.`,
  example: 'ada author auditor',
  options: {},
  async run({ ctx, org, actor, args: [name = '', ...roles], out }) {
    tellPassword(out, await createUser(ctx, org, actor, { name, roles: rolesIn(roles) }));
  },
});

/** People are told apart by name; it is nobody else’s in the organisation. */
async function idOf(ctx: Context, org: string, name: string): Promise<string> {
  const found = (await listUsers(ctx, org)).find((user) => user.name === name || user.id === name);
  if (found === undefined) throw new Refused('missing', `there is nobody called ${name}`);
  return found.id;
}

const roles = planeVerb({
  args: 'NAME ROLE…',
  count: [1, MANY],
  help: 'Gives somebody these roles instead of those that they have; without a role they may do nothing.',
  example: 'ada admin',
  options: {},
  async run({ ctx, org, actor, args: [name = '', ...wanted], out }) {
    await setRoles(ctx, org, actor, await idOf(ctx, org, name), rolesIn(wanted));
    out.say('changed');
    out.value({ done: true });
  },
});

const shutOut = (disabled: boolean, help: string): Verb =>
  planeVerb({
    args: 'NAME',
    count: [1, 1],
    help,
    example: 'ada',
    options: {},
    async run({ ctx, org, actor, args: [name = ''], out }) {
      await setDisabled(ctx, org, actor, await idOf(ctx, org, name), disabled);
      out.say(disabled ? 'shut out' : 'let in again');
      out.value({ done: true });
    },
  });

const reset = planeVerb({
  args: 'NAME',
  count: [1, 1],
  help: 'A new first password for somebody who forgot theirs; ends their sessions.',
  example: 'ada',
  options: {},
  async run({ ctx, org, actor, args: [name = ''], out }) {
    tellPassword(out, await resetPassword(ctx, org, actor, name));
  },
});

export const userNoun: Noun = {
  summary: 'the people who administer',
  verbs: {
    list,
    add,
    roles,
    disable: shutOut(true, 'Shuts somebody out, and ends their sessions.'),
    enable: shutOut(false, 'Lets somebody in again.'),
    'reset-password': reset,
  },
};
