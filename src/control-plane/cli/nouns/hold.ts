// SPDX-License-Identifier: Apache-2.0
// `outpost-admin hold`: legal holds, rows that retention passes over.

import { listHolds, placeHold, releaseHold } from '../../retention/holds.ts';
import { planeVerb } from '../plane.ts';
import { readTime, shownTime } from '../times.ts';
import { type Noun, required } from '../verb.ts';

const list = planeVerb({
  help: 'Holds, newest first, released ones included.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const holds = await listHolds(ctx, org);
    out.value({ holds: holds.map(({ org: _, from_at, to_at, ...hold }) => ({ ...hold, from: from_at, to: to_at })) });
    out.table(
      ['ID', 'DEVICE', 'FROM (UTC)', 'TO (UTC)', 'BY', 'RELEASED (UTC)', 'REASON'],
      holds.map(({ id, device, from_at, to_at, created_by, released, reason }) => [
        id,
        device ?? 'all',
        shownTime(from_at),
        shownTime(to_at),
        created_by,
        shownTime(released),
        reason,
      ]),
      'There are no holds.',
    );
  },
});

const place = planeVerb({
  help: 'Rows that happened or arrived in a stretch of time are kept, whatever retention says, until the hold is released.',
  example: '--from 2030-01-01 --to 2030-03-31 --reason "case 12"',
  options: {
    from: {
      type: 'string',
      value: 'TIME',
      help: 'beginning, included: 2030-01-31, 2030-01-31T05:00 (UTC), or 30d (ago)',
    },
    to: { type: 'string', value: 'TIME', help: 'end, included' },
    device: { type: 'string', value: 'ID', help: 'of this device only' },
    reason: { type: 'string', value: 'TEXT', help: 'why' },
  },
  async run({ ctx, org, actor, values, out }) {
    const now = ctx.clock.now();
    const hold = {
      from: readTime(required(values.from, 'from'), '--from', now),
      to: readTime(required(values.to, 'to'), '--to', now),
      reason: required(values.reason, 'reason'),
      ...(values.device === undefined ? {} : { device: values.device }),
    };
    const id = await placeHold(ctx, org, hold, actor);
    out.say(id);
    out.value({ id });
  },
});

const release = planeVerb({
  args: 'ID',
  count: [1, 1],
  help: 'What it held goes with the next round of retention.',
  example: 'h-0123456789abcdef',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await releaseHold(ctx, org, id, actor);
    out.say('released');
    out.value({ done: true });
  },
});

export const holdNoun: Noun = { summary: 'legal holds', verbs: { list, place, release } };
