// SPDX-License-Identifier: Apache-2.0
// Invariant S1: no object that is unsigned, wrongly signed, of another kind, organisation, ring or device, expired, older, cut, swollen or
// altered in a single bit ever rules; what ruled before goes on.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import type { FreshPayload } from '../../src/contract/sync/objects.ts';
import { named, type PublishedBundle, sealingPair, signingPair } from '../fakes/signed-world.ts';
import { openDevice, outcome, publish, type Stage, setStage } from './sync-kit.ts';

const GOOD = 'models: { deny: ["gpt-4o"] }\n';
/** What the attacker would like. */
const BAD = '{}\n';

/** Serves something bad in the place of version 4. `sync`: the device looks meanwhile. */
type Attack = (stage: Stage, sync: () => Promise<unknown>) => Promise<unknown>;

async function offer({ world, server }: Stage, bundle: PublishedBundle, change: Partial<FreshPayload> = {}) {
  server.offer(bundle);
  server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle), ...change }));
}

/** A document that says what the attacker wants, as it should be but for the change. */
const document =
  (change: (stage: Stage, bundle: PublishedBundle) => Promise<string>): Attack =>
  async (stage) => {
    const bundle = await stage.world.bundle(4, { config: BAD });
    stage.server.offer(bundle);
    stage.server.fresh.set(stage.world.ring, await change(stage, bundle));
  };

const bundle =
  (make: (stage: Stage) => Promise<PublishedBundle>): Attack =>
  async (stage) =>
    offer(stage, await make(stage));

/** Bytes that are no bundle, named as if they were one. */
function asBundle(bytes: Buffer): PublishedBundle {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), version: 4 };
}

const stranger = signingPair();

const ATTACKS: Readonly<Record<string, readonly [said: RegExp, attack: Attack]>> = {
  'a document that nobody signed': [
    /is not a signed object/,
    document(async ({ world }, b) => {
      const signed = JSON.parse(await world.fresh({ bundle: named(b) }));
      return JSON.stringify({ ...signed, signatures: [] });
    }),
  ],
  'a document that is no JSON': [/is not a signed object/, document(async () => 'hello')],
  'a document signed by a stranger': [
    /is not signed by those/,
    document(({ world }, b) => world.fresh({ bundle: named(b) }, { by: [stranger] })),
  ],
  'a document signed by the policy key': [
    /is not signed by those/,
    document(({ world }, b) => world.fresh({ bundle: named(b) }, { by: [world.keys.policy] })),
  ],
  'a document signed as a bundle': [
    /another kind/,
    document(({ world }, b) => world.fresh({ bundle: named(b) }, { type: 'bundle' })),
  ],
  'a document of another organisation': [
    /another organisation/,
    document(({ world }, b) => world.fresh({ bundle: named(b), org: 'other' })),
  ],
  'a document of another ring': [
    /another ring/,
    document(({ world }, b) => world.fresh({ bundle: named(b), ring: 'r1' })),
  ],
  'a document that has expired': [
    /has expired/,
    document(({ world }, b) => world.fresh({ bundle: named(b), expires: world.now })),
  ],
  'a document with an older number, signed later': [
    /is older than/,
    document(async ({ world }, b) => world.fresh({ bundle: named(b), seq: 4, issued: world.now + 60_001 })),
  ],
  'a document from before the program was built': [
    /before this program was built/,
    document(({ world }, b) => world.fresh({ bundle: named(b), issued: Date.UTC(2025, 0, 1) })),
  ],
  'a document with a member that is not known': [
    /does not say what/,
    document(({ world }, b) => world.fresh({ bundle: named(b), more: 1 } as Partial<FreshPayload>)),
  ],
  'a document on a root that is not in force': [
    /older root/,
    async ({ world, server }, sync) => {
      const held = await world.fresh({ bundle: null, seq: 60 });
      await world.addRoot();
      server.fresh.set(world.ring, await world.fresh({ seq: 50 }));
      await sync();
      server.fresh.set(world.ring, held);
    },
  ],
  'a bypass without leave of the root': [
    /bypass that the root keys did not sign/,
    document(async ({ world }, b) => {
      const kill = await world.bypass({}, { by: [world.keys.freshness, stranger] });
      return world.fresh({ bundle: named(b), kill: [kill] });
    }),
  ],
  'a bypass that too few root keys signed': [
    /bypass that the root keys did not sign/,
    document(async ({ world }, b) => {
      const kill = await world.bypass({}, { by: world.rootKeys.slice(0, 1) });
      return world.fresh({ bundle: named(b), kill: [kill] });
    }),
  ],
  'a bypass with the leave of another one': [
    /bypass that the root keys did not sign/,
    document(async ({ world }, b) => {
      const kill = await world.bypass({}, { said: { id: 'another' } });
      return world.fresh({ bundle: named(b), kill: [kill] });
    }),
  ],
  'a bypass that lasts longer than its leave': [
    /bypass that the root keys did not sign/,
    document(async ({ world }, b) => {
      const kill = await world.bypass({}, { said: { until: world.now + 60_000 } });
      return world.fresh({ bundle: named(b), kill: [kill] });
    }),
  ],
  'a bypass whose leave was signed as something else': [
    /bypass that the root keys did not sign/,
    document(async ({ world }, b) => {
      const kill = await world.bypass({}, { type: 'fresh' });
      return world.fresh({ bundle: named(b), kill: [kill] });
    }),
  ],
  'a root that the old keys did not sign': [
    /root is not signed/,
    async (stage) => {
      const { world } = stage;
      const strangers = [signingPair(), signingPair()];
      world.rootKeys = strangers;
      world.keys = { policy: signingPair(), freshness: signingPair(), receipt: signingPair() };
      await world.addRoot();
      await offer(stage, await world.bundle(4, { config: BAD }));
    },
  ],
  'a root that only one of the old keys signed': [
    /root is not signed/,
    async (stage) => {
      const { world } = stage;
      const [one] = world.rootKeys;
      world.rootKeys = [signingPair(), signingPair()];
      await world.addRoot({}, one === undefined ? [] : [one]);
      await offer(stage, await world.bundle(4, { config: BAD }));
    },
  ],
  'a root that leaves a number out': [
    /root does not follow/,
    async (stage) => {
      const { world } = stage;
      await world.addRoot({ number: 3 }, world.rootKeys.slice(0, 2));
      await offer(stage, await world.bundle(4, { config: BAD }), { root: 2 });
    },
  ],
  'a root of another organisation': [
    /root does not follow/,
    async (stage) => {
      const { world } = stage;
      await world.addRoot({ org: 'other' }, world.rootKeys.slice(0, 2));
      await offer(stage, await world.bundle(4, { config: BAD }));
    },
  ],
  'a root that asks for more signatures than it has keys': [
    /more signatures than it has keys/,
    async (stage) => {
      const { world } = stage;
      const [first, second] = world.rootKeys;
      assert.ok(first !== undefined && second !== undefined);
      const { policy, freshness, receipt } = world.keys;
      const keys = { policy: [policy.jwk], freshness: [freshness.jwk], receipt: [receipt.jwk] };
      await world.addRoot({ threshold: 2, keys: { ...keys, root: [first.jwk, first.jwk] } }, [first, second]);
      await offer(stage, await world.bundle(4, { config: BAD }));
    },
  ],
  'a root that has expired': [
    /root has expired/,
    async (stage) => {
      const { world } = stage;
      await world.addRoot({ expires: world.now }, world.rootKeys.slice(0, 2));
      await offer(stage, await world.bundle(4, { config: BAD }));
    },
  ],
  'a document that names a root far away': [
    /is missing in the chain/,
    document(({ world }, b) => world.fresh({ bundle: named(b), root: 500 })),
  ],
  'a bundle signed by a stranger': [
    /is not signed by those/,
    bundle(({ world }) => world.bundle(4, { config: BAD }, { by: [stranger] })),
  ],
  'a bundle signed by the freshness key': [
    /is not signed by those/,
    bundle(({ world }) => world.bundle(4, { config: BAD }, { by: [world.keys.freshness] })),
  ],
  'a bundle signed by a policy key that was taken out': [
    /is not signed by those/,
    async (stage) => {
      const { world } = stage;
      const old = world.keys.policy;
      await world.rotate('policy');
      await offer(stage, await world.bundle(4, { config: BAD }, { by: [old] }));
    },
  ],
  'a bundle signed as a document': [
    /another kind/,
    bundle(({ world }) => world.bundle(4, { config: BAD }, { type: 'fresh' })),
  ],
  'a bundle of another organisation': [
    /another organisation/,
    bundle(({ world }) => world.bundle(4, { config: BAD, org: 'other' })),
  ],
  'a bundle of another version than announced': [
    /another version than announced/,
    bundle(async ({ world }) => ({ ...(await world.bundle(5, { config: BAD })), version: 4 })),
  ],
  'a bundle that is older': [
    /is older than one/,
    bundle(async ({ world }) => ({ ...(await world.bundle(2, { config: BAD })), version: 2 })),
  ],
  'a bundle that was cut': [
    /another length|cannot be unpacked/,
    async (stage) => {
      const whole = await stage.world.bundle(4, { config: BAD });
      await offer(stage, whole);
      stage.server.bundles.set(whole.sha256, whole.bytes.subarray(0, -1));
    },
  ],
  'a bundle with a byte too many': [
    /another length/,
    async (stage) => {
      const whole = await stage.world.bundle(4, { config: BAD });
      await offer(stage, whole);
      stage.server.bundles.set(whole.sha256, Buffer.concat([whole.bytes, Buffer.from([0])]));
    },
  ],
  'another bundle of the same length': [
    /is not the one that was announced/,
    async (stage) => {
      const whole = await stage.world.bundle(4, { config: BAD });
      await offer(stage, whole);
      const other = Buffer.from(whole.bytes);
      other.writeUInt8(other.readUInt8(20) ^ 1, 20);
      stage.server.bundles.set(whole.sha256, other);
    },
  ],
  'a bundle that was cut before it was named': [
    /cannot be unpacked/,
    bundle(async ({ world }) => asBundle((await world.bundle(4, { config: BAD })).bytes.subarray(0, -9))),
  ],
  'a bundle that unpacks to more than is allowed': [
    /cannot be unpacked/,
    bundle(async () => asBundle(zstdCompressSync(Buffer.alloc(25 * 1_048_576, 0x20)))),
  ],
  'a bundle larger than is allowed': [/another length/, bundle(async () => asBundle(Buffer.alloc(4 * 1_048_576 + 1)))],
  'a bundle that is no signed object': [
    /is not a signed object/,
    bundle(async () => asBundle(zstdCompressSync(Buffer.from('{"config":"{}"}')))),
  ],
  'a bundle with a fault in its text': [
    /did you mean "models"/,
    bundle(({ world }) => world.bundle(4, { config: 'modells: {}\n' })),
  ],
  'secrets that are sealed to another key': [
    /is not sealed to this device/,
    secrets((stage) => stage.world.secrets(1, {}, { to: sealingPair().jwk })),
  ],
  'secrets signed by the policy key': [
    /is not signed by those/,
    secrets(({ world }) => world.secrets(1, {}, { by: [world.keys.policy] })),
  ],
  'secrets for another device': [
    /is for another device/,
    secrets(({ world }) => world.secrets(1, { device: `d-${'0'.repeat(32)}` })),
  ],
  'secrets of another organisation': [
    /another organisation/,
    secrets(({ world }) => world.secrets(1, { org: 'other' })),
  ],
  'secrets signed as a document': [/another kind/, secrets(({ world }) => world.secrets(1, {}, { type: 'fresh' }))],
  'secrets that are older than announced': [
    /envelope of secrets is older/,
    secrets(({ world }) => world.secrets(1), 2),
  ],
};

function secrets(make: (stage: Stage) => Promise<string>, announced = 1): Attack {
  return async (stage) => {
    stage.server.secrets = await make(stage);
    await offer(stage, await stage.world.bundle(4, { config: BAD }), { secrets: announced });
  };
}

describe('what must not rule does not', { concurrency: 2 }, () => {
  for (const [name, [said, attack]] of Object.entries(ATTACKS)) {
    test(name, async (t) => {
      const stage = await setStage(t);
      await publish(stage, 3, GOOD, { seq: 5 });
      const device = await openDevice(t, stage);
      await device.org.syncNow();
      assert.equal(outcome(device.policy), 'OUT_BLOCKED_MODEL models.deny[0]');
      await attack(stage, () => device.org.syncNow());
      const status = await device.org.syncNow();
      assert.equal(status.policy?.version, 3);
      assert.equal(outcome(device.policy), 'OUT_BLOCKED_MODEL models.deny[0]');
      assert.equal(device.policy.decideHost('mail.example').rule, 'default', 'no bypass either');
      assert.match(status.refused?.errors[0]?.message ?? 'nothing was refused', said);
      await device.org.close();
      const again = await openDevice(t, stage);
      assert.equal(outcome(again.policy), 'OUT_BLOCKED_MODEL models.deny[0]', 'nor after a restart');
    });
  }
});
