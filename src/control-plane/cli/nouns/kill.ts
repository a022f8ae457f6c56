// SPDX-License-Identifier: Apache-2.0
// `outpost-admin kill`: orders that hold at once and end by themselves.

import { bypassPayload, KILL_LEVELS } from '../../../contract/sync/objects.ts';
import { listOrders } from '../../admin/orders.ts';
import { endKill, issueKill, type NewKill, prepareBypass } from '../../objects/kills.ts';
import { OUT_OPTION, readJson, readParsed, SIGN_OPTIONS, signFiles, writeResult } from '../key-files.ts';
import { bareVerb, planeVerb } from '../plane.ts';
import { readLength, shownTime } from '../times.ts';
import { type Noun, type Options, oneOf, required, UsageError, type Values } from '../verb.ts';

const list = planeVerb({
  help: 'The orders that hold now.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const orders = await listOrders(ctx, org);
    out.value({ orders });
    out.table(
      ['ID', 'LEVEL', 'TARGET', 'UNTIL (UTC)', 'BY', 'REASON'],
      orders.map(({ id, level, target, until, by, reason }) => [id, level, target, shownTime(until), by, reason]),
      'No order holds.',
    );
  },
});

const WHY = {
  reason: { type: 'string', value: 'TEXT', help: 'why, for the people at the devices' },
  for: { type: 'string', value: 'TIME', help: 'how long it holds: 30m, 2h; at most 7d' },
} as const satisfies Options;

function whyOf(values: Values<typeof WHY>, now: number): { readonly reason: string; readonly until: number } {
  const until = now + readLength(required(values.for, 'for'), '--for');
  return { reason: required(values.reason, 'reason'), until };
}

const ISSUE = {
  ...WHY,
  proof: {
    type: 'string',
    value: 'FILE',
    help: 'a bypass that was signed with: kill sign; it says reason and time itself',
  },
} as const satisfies Options;

const issue = planeVerb({
  args: `${KILL_LEVELS.join('|')} [TARGET]`,
  count: [1, 2],
  help: 'Gives an order to all devices at once. TARGET is a provider’s name, or an app as the audit log names it. bypass switches interception off; root keys sign it, here or (--proof) where they are.',
  example: 'block-provider openai --for 2h --reason "incident 4711"',
  options: ISSUE,
  async run({ ctx, org, actor, args: [level = '', target], values, out }) {
    const made = await issueKill(ctx, org, actor, wanted(level, target, values, ctx.clock.now()));
    out.say(`${made.id} holds until ${shownTime(made.until)} UTC`);
    out.value({ id: made.id, until: made.until });
  },
});

function wanted(word: string, target: string | undefined, values: Values<typeof ISSUE>, now: number): NewKill {
  const level = oneOf(word, 'kill issue', KILL_LEVELS);
  if (level === 'block-provider' || level === 'block-app') {
    if (target === undefined) throw new UsageError(`${level} needs a target`);
    return { level, target, ...whyOf(values, now) };
  }
  if (target !== undefined) throw new UsageError(`${level} has no target`);
  if (level === 'bypass' && values.proof !== undefined) return { level, proof: readJson(values.proof) };
  return { level, ...whyOf(values, now) };
}

const end = planeVerb({
  args: 'ID',
  count: [1, 1],
  help: 'Takes an order back.',
  example: 'k-83c3952c0360ae32',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await endKill(ctx, org, actor, id);
    out.say('taken back');
    out.value({ done: true });
  },
});

const prepare = planeVerb({
  help: 'Writes a bypass that root keys must sign elsewhere: then kill sign, then kill issue bypass --proof.',
  example: '--for 2h --reason "broken agent" --out bypass.json',
  options: { ...WHY, ...OUT_OPTION },
  async run({ ctx, org, values, io, out }) {
    const bypass = prepareBypass(ctx, org, whyOf(values, ctx.clock.now()));
    writeResult(bypass, values.out, { io, out }, `to be signed by root keys: ${values.out}`);
  },
});

const sign = bareVerb({
  args: 'FILE',
  count: [1, 1],
  help: 'Signs a prepared bypass with root keys, on the machine that has them.',
  example: 'bypass.json --key root.pem --out signed.json',
  options: SIGN_OPTIONS,
  async run({ args: [file = ''], values, io, out }) {
    const bypass = readParsed(file, bypassPayload, 'a prepared bypass');
    const signed = await signFiles('bypass', bypass, values);
    writeResult(
      signed,
      values.out,
      { io, out },
      `signed: a bypass of ${bypass.org} until ${shownTime(bypass.until)} UTC, "${bypass.reason}"`,
    );
  },
});

export const killNoun: Noun = {
  summary: 'orders that hold at once',
  verbs: { list, issue, end, prepare, sign },
};
