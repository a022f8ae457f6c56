// SPDX-License-Identifier: Apache-2.0
// `outpost-admin secret`: values that policies name but do not hold. A value comes from standard input, never from the command line.

import { listSecrets, removeSecret, setSecret } from '../../objects/secrets.ts';
import { planeVerb } from '../plane.ts';
import { shownTime } from '../times.ts';
import { type Noun, readAll } from '../verb.ts';

/** Bytes; a value has at most 8192. */
const LARGEST = 16_384;
const NAME = { args: 'NAME', count: [1, 1] } as const;

const list = planeVerb({
  help: 'The names. Values are shown to nobody.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const secrets = await listSecrets(ctx.db.query, org);
    out.value({ secrets });
    out.table(
      ['NAME', 'CHANGED (UTC)', 'BY'],
      secrets.map(({ name, updated, updated_by }) => [name, shownTime(updated), updated_by]),
      'There are no secrets.',
    );
  },
});

const set = planeVerb({
  ...NAME,
  help: 'Sets or replaces a value, which is read from standard input; a line break at its end is no part of it. All devices get it.',
  example: 'openai < key.txt',
  options: {},
  async run({ ctx, org, actor, args: [name = ''], io, out }) {
    const value = (await readAll(io.stdin, LARGEST)).replace(/\r?\n$/, '');
    await setSecret(ctx, org, actor, name, value);
    out.say('set');
    out.value({ done: true });
  },
});

const remove = planeVerb({
  ...NAME,
  help: 'Devices lose the value. Versions of the policy that name it can no longer be published.',
  example: 'openai',
  options: {},
  async run({ ctx, org, actor, args: [name = ''], out }) {
    await removeSecret(ctx, org, actor, name);
    out.say('removed');
    out.value({ done: true });
  },
});

export const secretNoun: Noun = { summary: 'values that policies name', verbs: { list, set, remove } };
