// SPDX-License-Identifier: Apache-2.0
// `outpost-admin org`: the organisation and its settings.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { changeSettings, readOrgSettings } from '../../admin/org-settings.ts';
import { Refused } from '../../refused.ts';
import { planeVerb } from '../plane.ts';
import { shownTime } from '../times.ts';
import { type Noun, oneOf, readAll, UsageError } from '../verb.ts';

/** Bytes. */
const LARGEST = 1_048_576;

const show = planeVerb({
  help: 'The organisation, its settings as they were set, and the root in force.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const found = await readOrgSettings(ctx, org);
    out.value(found);
    out.fields([
      ['organisation', found.org.id],
      ['name', found.org.name],
      ['four eyes', found.four_eyes],
      ['root', found.root.fingerprint],
      ['root expires', shownTime(found.root.expires)],
    ]);
    out.say(`settings:\n${JSON.stringify(found.settings, undefined, 2)}`);
  },
});

const set = planeVerb({
  help: 'Replaces the settings as a whole (what is left out has its default), or says whether four eyes are needed, or both.',
  example: '--settings settings.yaml --four-eyes on',
  options: {
    settings: { type: 'string', value: 'FILE', help: 'JSON or YAML; "-" reads standard input' },
    'four-eyes': { type: 'string', value: 'on|off', help: 'must a second person approve each version of the policy?' },
  },
  async run({ ctx, org, actor, values, io, out }) {
    const [file, eyes] = [values.settings, values['four-eyes']];
    if (file === undefined && eyes === undefined) throw new UsageError('say --settings or --four-eyes');
    const four_eyes = eyes === undefined ? undefined : oneOf(eyes, '--four-eyes', ['on', 'off']) === 'on';
    const text =
      file === undefined ? undefined : file === '-' ? await readAll(io.stdin, LARGEST) : readFileSync(file, 'utf8');
    await changeSettings(ctx, org, actor, { four_eyes, settings: text === undefined ? undefined : membersOf(text) });
    out.say('changed');
    out.value({ done: true });
  },
});

/** JSON is YAML, too. */
function membersOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // The message would repeat a piece of it.
    throw new Refused('invalid', 'the settings are neither JSON nor YAML');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused('invalid', 'the settings are no object');
  return value as Record<string, unknown>;
}

export const orgNoun: Noun = { summary: 'the organisation and its settings', verbs: { show, set } };
