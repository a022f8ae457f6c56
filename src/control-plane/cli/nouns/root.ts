// SPDX-License-Identifier: Apache-2.0
// `outpost-admin root`: whose signatures count. From root N to N + 1, with keys that are here or elsewhere.

import { rootPayload } from '../../../contract/sync/objects.ts';
import { type SignedObject, type SigningJwk, signedObject } from '../../../contract/sync/words.ts';
import { thumbprintOfJwk } from '../../../protocol/key-id.ts';
import { given } from '../../admin/given.ts';
import type { KeyRole } from '../../context.ts';
import { makeKeys } from '../../keys/folder.ts';
import { rootObject } from '../../objects/immutable.ts';
import { importRoot, KEY_ROLES, prepareRoot, type RootChange, rotateRoot } from '../../orgs/root-change.ts';
import { rootFingerprint, rootInForce, signersNamed } from '../../orgs/root-store.ts';
import { OUT_OPTION, readJson, readParsed, readPublicKey, SIGN_OPTIONS, signFiles, writeResult } from '../key-files.ts';
import { bareVerb, planeVerb } from '../plane.ts';
import { readLength, shownTime } from '../times.ts';
import { type Noun, oneOf, required, UsageError, wholeNumber } from '../verb.ts';

const show = planeVerb({
  help: 'The root in force: its fingerprint, which device management pins, and its keys.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const root = await rootInForce(ctx.db.query, org);
    const fingerprint = await rootFingerprint(ctx, org);
    const keys = KEY_ROLES.flatMap((role) => {
      const here = new Set(signersNamed(ctx.keys, root, role).map(({ kid }) => kid));
      return root.keys[role].map((jwk) => ({ role, kid: thumbprintOfJwk(jwk), here: here.has(thumbprintOfJwk(jwk)) }));
    });
    const { number, threshold, issued, expires } = root;
    out.value({ number, fingerprint, threshold, issued, expires, keys });
    out.fields([
      ['root', fingerprint],
      ['root keys that must sign', `${threshold} of ${root.keys.root.length}`],
      ['expires', shownTime(expires)],
    ]);
    out.say('');
    out.table(
      ['ROLE', 'KEY', 'HERE'],
      keys.map(({ role, kid, here }) => [role, kid, here]),
      '',
    );
  },
});

const exported = planeVerb({
  help: 'Writes the signed root that is in force, or an older one: what devices are given, for those who check signatures elsewhere. It holds no private key.',
  example: '--out root.json',
  options: {
    number: { type: 'string', value: 'N', help: 'this root (default: the one in force)' },
    ...OUT_OPTION,
  },
  async run({ ctx, org, values, io, out }) {
    const { number: newest } = await rootInForce(ctx.db.query, org);
    const number =
      values.number === undefined ? newest : wholeNumber(values.number, '--number', { least: 1, most: newest });
    const object: unknown = JSON.parse((await rootObject(ctx, org, number)) ?? 'null');
    writeResult(object, values.out, { io, out }, `root ${number}: ${values.out}`);
  },
});

const roleNamed = (text: string): KeyRole => oneOf(text, '--role', KEY_ROLES);

const rotate = planeVerb({
  help: 'Exchanges the keys of some roles for new ones that are made here. Needs the root keys here; else see root prepare.',
  example: '--role freshness --role receipt',
  options: {
    role: {
      type: 'string',
      multiple: true,
      value: 'ROLE',
      help: `${KEY_ROLES.join(', ')}; may be given several times`,
    },
  },
  async run({ ctx, org, folder, actor, values, out }) {
    const roles = [...new Set((values.role ?? []).map(roleNamed))];
    if (roles.length === 0) throw new UsageError('--role is missing');
    const { number } = await rotateRoot(ctx, folder, org, actor, roles);
    const fingerprint = await rootFingerprint(ctx, org, number);
    out.say(`in force: ${fingerprint}\nDevices that are enrolled follow by themselves; pin this one for new ones.`);
    out.value({ number, fingerprint });
  },
});

const prepare = planeVerb({
  help: 'Writes what root N + 1 is to say, to be signed by root keys elsewhere: then root sign, then root import. Roles that are not named keep their keys.',
  example: '--key policy=policy.pub --make freshness --out root-2.json',
  options: {
    key: {
      type: 'string',
      multiple: true,
      value: 'ROLE=FILE',
      help: 'a public key in PEM that the role has from then on, instead of its keys; may be given several times',
    },
    make: {
      type: 'string',
      multiple: true,
      value: 'ROLE',
      help: 'makes a new key of the role in the key folder; it counts when the root is imported',
    },
    threshold: { type: 'string', value: 'N', help: 'how many root keys must sign (default: as before)' },
    valid: { type: 'string', value: 'TIME', help: 'how long the root holds (default 10 years)' },
    ...OUT_OPTION,
  },
  async run({ ctx, org, folder, values, io, out }) {
    const keys: Partial<Record<KeyRole, SigningJwk[]>> = {};
    const add = (role: KeyRole, jwk: SigningJwk): void => {
      keys[role] = [...(keys[role] ?? []), jwk];
    };
    for (const text of values.key ?? []) {
      const [, role, file] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
      if (role === undefined || file === undefined) throw new UsageError('--key takes ROLE=FILE');
      add(oneOf(role, '--key', KEY_ROLES), readPublicKey(file));
    }
    const threshold =
      values.threshold === undefined ? undefined : wholeNumber(values.threshold, '--threshold', { least: 1, most: 4 });
    const lifetime = values.valid === undefined ? undefined : readLength(values.valid, '--valid');
    const change: RootChange = { keys, ...given({ threshold, lifetime }) };
    // Refuses before a key is made that nobody would use.
    await prepareRoot(ctx, org, change);
    for (const { role, jwk } of makeKeys(folder, org, (values.make ?? []).map(roleNamed))) add(role, jwk);
    const root = rootPayload.parse(await prepareRoot(ctx, org, change));
    writeResult(root, values.out, { io, out }, `to be signed by root keys: ${values.out}`);
  },
});

const sign = bareVerb({
  args: 'FILE',
  count: [1, 1],
  help: 'Signs a prepared root with root keys, on the machine that has them. Those of the old and of the new root must sign, each as many as their threshold.',
  example: 'root-2.json --key root.pem --out signed.json',
  options: SIGN_OPTIONS,
  async run({ args: [file = ''], values, io, out }) {
    const root = readParsed(file, rootPayload, 'a prepared root');
    const signed = await signFiles('root', root, values);
    const keys = KEY_ROLES.map((role) => `  ${role}: ${root.keys[role].map(thumbprintOfJwk).join(' ')}`).join('\n');
    writeResult(
      signed,
      values.out,
      { io, out },
      `signed: root ${root.number} of ${root.org} until ${shownTime(root.expires)} UTC, threshold ${root.threshold}\n${keys}`,
    );
  },
});

const imported = planeVerb({
  args: 'FILE',
  count: [1, 1],
  help: 'Puts a signed root in force, checked as devices check it.',
  example: 'signed.json',
  options: {
    bundle: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: 'a bundle in use, signed anew with: policy sign, where no policy key of the new root is here; may be given several times',
    },
  },
  async run({ ctx, org, folder, actor, args: [file = ''], values, out }) {
    const bundles: SignedObject[] = (values.bundle ?? []).map((path) =>
      readParsed(path, signedObject, 'a signed bundle'),
    );
    const { number } = await importRoot(ctx, org, actor, readJson(required(file, 'file')), { bundles, folder });
    const fingerprint = await rootFingerprint(ctx, org, number);
    out.say(`in force: ${fingerprint}`);
    out.value({ number, fingerprint });
  },
});

export const rootNoun: Noun = {
  summary: 'whose signatures count',
  verbs: { show, export: exported, rotate, prepare, sign, import: imported },
};
