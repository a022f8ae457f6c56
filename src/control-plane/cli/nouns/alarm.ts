// SPDX-License-Identifier: Apache-2.0
// `outpost-admin alarm`: what may be wrong with devices, roll-outs and records.

import { ALARMS, type AlarmKind } from '../../../contract/alarms.ts';
import { given } from '../../admin/given.ts';
import { type Alarm, acknowledgeAlarm, closeAlarm, listAlarms } from '../../alarms/handle.ts';
import { planeVerb } from '../plane.ts';
import { shownTime } from '../times.ts';
import { type Noun, oneOf, wholeNumber } from '../verb.ts';

const STATES = ['open', 'acknowledged', 'closed'] as const;
const KINDS = Object.keys(ALARMS) as readonly AlarmKind[];
const MOST = 500;

const list = planeVerb({
  help: 'Alarms, newest first.',
  example: '--state open',
  options: {
    state: { type: 'string', value: 'STATE', help: STATES.join(', ') },
    kind: { type: 'string', value: 'KIND', help: KINDS.join(', ') },
    device: { type: 'string', value: 'ID', help: 'of this device' },
    limit: { type: 'string', value: 'N', help: `at most so many (default 50, at most ${MOST})` },
  },
  async run({ ctx, org, values, out }) {
    const filter = given({
      state: values.state === undefined ? undefined : oneOf(values.state, '--state', STATES),
      kind: values.kind === undefined ? undefined : oneOf(values.kind, '--kind', KINDS),
      device: values.device,
    });
    const limit = wholeNumber(values.limit ?? '50', '--limit', { least: 1, most: MOST });
    const { alarms } = await listAlarms(ctx, org, filter, { limit });
    out.value({
      alarms: alarms.map((alarm) => ({ ...alarm, ...wordsOf(alarm), detail: JSON.parse(alarm.detail) as unknown })),
    });
    out.table(
      ['ID', 'STATE', 'KIND', 'DEVICE', 'TIMES', 'LAST (UTC)', 'DETAIL'],
      alarms.map(({ id, state, kind, device, count, last, detail }) => [
        id,
        state,
        kind,
        device,
        count,
        shownTime(last),
        detail,
      ]),
      'There are no such alarms.',
    );
    for (const kind of new Set(alarms.filter(({ state }) => state !== 'closed').map((alarm) => alarm.kind))) {
      const { title, fix } = wordsOf({ kind });
      if (title !== undefined) out.say(`\n${kind}: ${title}. ${fix}`);
    }
  },
});

/** A newer control plane on the same database may raise kinds that are not known here. */
function wordsOf({ kind }: Pick<Alarm, 'kind'>): {
  readonly title?: string;
  readonly text?: string;
  readonly fix?: string;
} {
  const known = KINDS.find((name) => name === kind);
  if (known === undefined) return {};
  const { title, text, fix } = ALARMS[known];
  return { title, text, fix };
}

const ID = { args: 'ID', count: [1, 1] } as const;

const ack = planeVerb({
  ...ID,
  help: 'Somebody has seen it. It stays, and is counted on, until it is closed.',
  example: 'a-0123456789abcdef0123456789abcdef',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await acknowledgeAlarm(ctx, org, id, actor);
    out.say('acknowledged');
    out.value({ done: true });
  },
});

const close = planeVerb({
  ...ID,
  help: 'The trouble is over. Should it come again, a new alarm is raised.',
  example: 'a-0123456789abcdef0123456789abcdef',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await closeAlarm(ctx, org, id, actor);
    out.say('closed');
    out.value({ done: true });
  },
});

export const alarmNoun: Noun = { summary: 'what may be wrong', verbs: { list, ack, close } };
