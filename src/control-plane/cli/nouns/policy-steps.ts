// SPDX-License-Identifier: Apache-2.0
// The steps of a stored version under `outpost-admin policy`: from draft to the rings and back, and its signature where the policy key is
// kept elsewhere.

import { createHash } from 'node:crypto';
import { bundlePayload } from '../../../contract/sync/objects.ts';
import { signedObject } from '../../../contract/sync/words.ts';
import { given } from '../../admin/given.ts';
import { payloadOf } from '../../policies/bundles.ts';
import { approve, propose, withdraw } from '../../policies/drafts.ts';
import { halt } from '../../policies/halt.ts';
import { rolloutHealth } from '../../policies/health.ts';
import { advance, publish, rollback } from '../../policies/publish.ts';
import { readVersion } from '../../policies/version.ts';
import { OUT_OPTION, readParsed, SIGN_OPTIONS, signFiles, writeResult } from '../key-files.ts';
import { bareVerb, type Call, planeVerb } from '../plane.ts';
import { type Options, required, type Verb, wholeNumber } from '../verb.ts';
import { FILE, VERSION, versionIn } from './policy-words.ts';

const STAGE = {
  stage: {
    type: 'string',
    value: 'PERCENT',
    help: 'of the devices: 1, 10, 50 or 100 (default: the next stage of the settings)',
  },
} as const satisfies Options;

const stageIn = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : wholeNumber(text, '--stage', { least: 1, most: 100 });

/** Says where the version stands now. */
async function tell({ ctx, org, out }: Pick<Call<Options>, 'ctx' | 'org' | 'out'>, version: number): Promise<void> {
  const { state, stage, approver } = await readVersion(ctx.db.query, org, version);
  out.value({ version, state, stage, approver });
  out.say(
    `version ${version}: ${state}${stage > 0 ? `, ${stage} % of the devices` : ''}${approver === null ? '' : `, approved by ${approver}`}`,
  );
}

const proposed = planeVerb({
  ...VERSION,
  help: 'Asks for a second person’s approval.',
  example: '7',
  options: {},
  async run(call) {
    const version = versionIn(call.args);
    await propose(call.ctx, call.org, call.actor, version);
    await tell(call, version);
  },
});

const approved = planeVerb({
  ...VERSION,
  help: 'The second person’s word. All who use this command count as one person.',
  example: '7',
  options: {},
  async run(call) {
    const version = versionIn(call.args);
    await approve(call.ctx, call.org, call.actor, version);
    await tell(call, version);
  },
});

const published = planeVerb({
  ...VERSION,
  help: 'Signs a version and gives it to the first ring, or to more.',
  example: '7 --stage 1',
  options: { ...STAGE, signed: { type: 'string', value: 'FILE', help: 'the bundle, signed with: policy sign' } },
  async run(call) {
    const { ctx, org, actor, args, values } = call;
    const version = versionIn(args);
    const signed = values.signed === undefined ? undefined : readParsed(values.signed, signedObject, 'a signed bundle');
    await publish(ctx, org, actor, version, given({ stage: stageIn(values.stage), signed }));
    await tell(call, version);
  },
});

const advanced = planeVerb({
  ...VERSION,
  help: 'Gives a version that is being rolled out to the next ring, or to more.',
  example: '7 --stage 50',
  options: STAGE,
  async run(call) {
    const version = versionIn(call.args);
    await advance(call.ctx, call.org, call.actor, version, stageIn(call.values.stage));
    await tell(call, version);
  },
});

const rollout = planeVerb({
  ...VERSION,
  help: 'How a version does on the devices that have it. Exit code 1: it ought to be halted.',
  example: '7',
  options: {},
  async run({ ctx, org, args, out }) {
    const health = await rolloutHealth(ctx, org, versionIn(args));
    const { verdict, reason, devices, running, refused } = health;
    out.value(health);
    out.fields([
      ['verdict', reason === undefined ? verdict : `${verdict}: ${reason}`],
      ['devices', devices],
      ['run it', running],
      ['refuse it', refused],
    ]);
    return verdict === 'go' ? 0 : 1;
  },
});

const halted = planeVerb({
  ...VERSION,
  help: 'Stops a version and puts the content before it back, where it was. Needs no second person.',
  example: '7 --reason "blocks the build"',
  options: { reason: { type: 'string', value: 'TEXT', help: 'why' } },
  async run({ ctx, org, actor, args, values, out }) {
    const version = versionIn(args);
    const { restored } = await halt(ctx, org, actor, version, required(values.reason, 'reason'));
    out.value({ version, restored: restored ?? null });
    out.say(
      restored === undefined
        ? `version ${version}: halted; nothing was put back`
        : `version ${version}: halted; version ${restored} puts the content before it back`,
    );
  },
});

const rolledBack = planeVerb({
  ...VERSION,
  help: 'A new version with the content of an old one, for all devices at once (where four eyes are needed, once it is approved and published).',
  example: '5',
  options: {},
  async run(call) {
    const { version } = await rollback(call.ctx, call.org, call.actor, versionIn(call.args));
    await tell(call, version);
  },
});

const withdrawn = planeVerb({
  ...VERSION,
  help: 'Gives a draft up for good; its text stays readable.',
  example: '7',
  options: {},
  async run(call) {
    const version = versionIn(call.args);
    await withdraw(call.ctx, call.org, call.actor, version);
    await tell(call, version);
  },
});

const pack = planeVerb({
  ...VERSION,
  help: 'Writes a version as its bundle, to be signed where the policy key is: then policy sign, then policy publish --signed.',
  example: '7 --out packed.json',
  options: OUT_OPTION,
  async run({ ctx, org, args, values, io, out }) {
    const row = await readVersion(ctx.db.query, org, versionIn(args));
    writeResult(payloadOf(row), values.out, { io, out }, `to be signed by a policy key: ${values.out}`);
  },
});

const sign = bareVerb({
  ...FILE,
  help: 'Signs a packed version with a policy key, on the machine that has it.',
  example: 'packed.json --key policy.pem --out signed.json',
  options: SIGN_OPTIONS,
  async run({ args: [file = ''], values, io, out }) {
    const bundle = readParsed(file, bundlePayload, 'a packed version');
    const signed = await signFiles('bundle', bundle, values);
    const hash = createHash('sha256').update(bundle.config, 'utf8').digest('hex');
    writeResult(
      signed,
      values.out,
      { io, out },
      `signed: version ${bundle.version} of ${bundle.org}, outpost.yaml with SHA-256 ${hash}`,
    );
  },
});

export const STEPS: Readonly<Record<string, Verb>> = {
  propose: proposed,
  approve: approved,
  publish: published,
  advance: advanced,
  rollout,
  halt: halted,
  rollback: rolledBack,
  withdraw: withdrawn,
  pack,
  sign,
};
