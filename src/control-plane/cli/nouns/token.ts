// SPDX-License-Identifier: Apache-2.0
// `outpost-admin token`: what devices enrol with.

import { type ManagedSettings, managedSettings } from '../../../contract/sync/managed.ts';
import { createToken, listTokens, revokeToken } from '../../devices/tokens.ts';
import { rootFingerprint } from '../../orgs/root-store.ts';
import { planeVerb } from '../plane.ts';
import { readLength, shownTime } from '../times.ts';
import { type Noun, required, UsageError, wholeNumber } from '../verb.ts';

const MOST_USES = 1_000_000;

const create = planeVerb({
  help: 'Makes a token and prints it, this once, and the managed settings that device management rolls out with it.',
  example: '--url https://outpost.example --uses 500 --valid 30d --note "rollout of March"',
  options: {
    url: { type: 'string', value: 'URL', help: 'what devices call the server: https://…' },
    uses: { type: 'string', value: 'N', help: 'how many devices may enrol with it (default 1)' },
    valid: { type: 'string', value: 'TIME', help: 'how long it holds: 2h, 30d (default 7d)' },
    note: { type: 'string', value: 'TEXT', help: 'what it is for' },
    'ca-file': {
      type: 'string',
      multiple: true,
      value: 'PATH',
      help: 'PEM file on the devices that is trusted for the URL besides the system’s roots; may be given several times',
    },
  },
  async run({ ctx, org, actor, values, out }) {
    const url = required(values.url, 'url');
    const maxUses = wholeNumber(values.uses ?? '1', '--uses', { least: 1, most: MOST_USES });
    const expires = ctx.clock.now() + readLength(values.valid ?? '7d', '--valid');
    const root = await rootFingerprint(ctx, org);
    const caFiles = values['ca-file'];
    const more = caFiles === undefined ? {} : { ca_files: [...caFiles] };
    // Before the token is made: it is shown once.
    const checked = managedSettings.safeParse({ organisation: { url, org, root, ...more } });
    if (!checked.success)
      throw new UsageError(`--${faulty(checked.error.issues[0]?.path)} ${checked.error.issues[0]?.message}`);
    const { id, token } = await createToken(ctx, org, { note: values.note ?? '', maxUses, expires }, actor);
    const settings: ManagedSettings = { organisation: { url, org, token, root, ...more } };
    out.value({ id, token, expires, max_uses: maxUses, settings });
    out.fields([
      ['token', token],
      ['name', id],
      ['good for', `${maxUses} device${maxUses === 1 ? '' : 's'} until ${shownTime(expires)} UTC`],
    ]);
    out.say(`managed settings:\n${JSON.stringify(settings, undefined, 2)}`);
  },
});

const faulty = (path: readonly PropertyKey[] = []): string => (path.includes('ca_files') ? 'ca-file' : 'url');

const list = planeVerb({
  help: 'All tokens by name, newest first. The tokens themselves are nowhere kept.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const tokens = (await listTokens(ctx, org)).map(({ revoked, ...token }) => ({ ...token, revoked: revoked === 1 }));
    const now = ctx.clock.now();
    out.value({ tokens });
    out.table(
      ['NAME', 'STATE', 'USED', 'EXPIRES (UTC)', 'BY', 'NOTE'],
      tokens.map(({ id, revoked, uses, max_uses, expires, created_by, note }) => {
        const state = revoked ? 'revoked' : expires <= now ? 'expired' : uses >= max_uses ? 'used up' : 'good';
        return [id, state, `${uses} of ${max_uses}`, shownTime(expires), created_by, note];
      }),
      'There are no tokens.',
    );
  },
});

const revoke = planeVerb({
  args: 'NAME',
  count: [1, 1],
  help: 'No device can enrol with it any more; devices that did stay.',
  example: 't-94a27afac42b7a43',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await revokeToken(ctx, org, id, actor);
    out.say('revoked');
    out.value({ done: true });
  },
});

export const tokenNoun: Noun = { summary: 'what devices enrol with', verbs: { create, list, revoke } };
