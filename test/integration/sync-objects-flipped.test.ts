// SPDX-License-Identifier: Apache-2.0
// Invariant S1, bit by bit: no object of which a single bit was turned on the way is ever accepted.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { packBundle } from '../../src/protocol/bundle-bytes.ts';
import { seal } from '../../src/protocol/seal.ts';
import { check } from '../../src/proxy/sync/check/check.ts';
import type { ActivationJob, DocumentJob } from '../../src/proxy/sync/check/messages.ts';
import { seededBelow } from '../fakes/random.ts';
import { DAY, named, type PublishedBundle, SignedWorld } from '../fakes/signed-world.ts';

const SEED = 20_301;

/** The same bytes with one bit of one of them turned. */
function flipped(bytes: Uint8Array, at: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at);
  return copy;
}

interface Held {
  readonly world: SignedWorld;
  readonly bundle: PublishedBundle;
  readonly fresh: string;
  readonly secrets: string;
  readonly job: ActivationJob;
}

/** All objects of one activation, and the question whether they hold. */
async function whole(): Promise<Held> {
  const now = Date.UTC(2030, 0, 1);
  const world = await SignedWorld.create(() => now);
  await world.addRoot();
  const config = 'providers: [{ name: a, type: openai, api_key: "secret:key" }]\n';
  const bundle = await world.bundle(2, { config });
  const secrets = await world.secrets(1, { values: { key: 'sk-1' } });
  const kill = [world.order({ level: 'block-provider', target: 'x' }), await world.bypass()];
  const fresh = await world.fresh({ bundle: named(bundle), secrets: 1, kill, expires: now + DAY });
  const job: ActivationJob = {
    kind: 'activation',
    anchor: world.anchor,
    ring: world.ring,
    before: 1,
    roots: world.roots,
    fresh,
    bundle: bundle.bytes,
    secrets,
    sealingKeys: [world.sealing.key],
    env: {},
  };
  const answer = await check(job);
  assert.equal(answer.kind, 'activation', JSON.stringify(answer));
  return { world, bundle, fresh, secrets, job };
}

/** No flip of a bit in these bytes makes an object that holds. */
async function noneHolds(bytes: Uint8Array, places: readonly number[], holds: (altered: Buffer) => Promise<boolean>) {
  const below = seededBelow(SEED);
  const held: number[] = [];
  for (const at of places) if (await holds(flipped(bytes, at, below(8)))) held.push(at);
  assert.deepEqual(held, [], `bytes whose change was not noticed (seed ${SEED})`);
}

function every(length: number): readonly number[] {
  return Array.from({ length }, (_, at) => at);
}

function sample(length: number, count: number): readonly number[] {
  const below = seededBelow(SEED + length);
  return Array.from({ length: count }, () => below(length));
}

const activates = async (job: ActivationJob): Promise<boolean> => (await check(job)).kind === 'activation';

describe('no turned bit goes unnoticed', { concurrency: 2 }, () => {
  test('in any byte of a freshness document', async () => {
    const { job, fresh } = await whole();
    const { anchor, ring, before, roots } = job;
    const ask = async (altered: Buffer): Promise<boolean> => {
      const question: DocumentJob = { kind: 'document', anchor, ring, before, roots, fresh: altered.toString('utf8') };
      return (await check(question)).kind === 'document';
    };
    assert.equal(await ask(Buffer.from(fresh)), true, 'unaltered it holds');
    await noneHolds(Buffer.from(fresh), every(fresh.length), ask);
  });

  test('in a root', async () => {
    const { job } = await whole();
    for (const [index, text] of job.roots.entries()) {
      const ask = (altered: Buffer) => activates({ ...job, roots: job.roots.with(index, altered.toString('utf8')) });
      await noneHolds(Buffer.from(text), sample(text.length, 300), ask);
    }
  });

  test('in the bytes of a bundle', async () => {
    const { job, bundle } = await whole();
    await noneHolds(bundle.bytes, every(bundle.bytes.length), (altered) => activates({ ...job, bundle: altered }));
  });

  test('in the signed text of a bundle, by one who can name it anew', async () => {
    const { job, world } = await whole();
    const signed = zstdDecompressSync(job.bundle);
    const ask = async (altered: Buffer): Promise<boolean> => {
      let object: unknown;
      try {
        object = JSON.parse(altered.toString('utf8'));
      } catch {
        return false;
      }
      const packed = { ...packBundle(object as Parameters<typeof packBundle>[0]), version: 2 };
      const fresh = await world.fresh({ bundle: named(packed), secrets: 1 });
      return activates({ ...job, fresh, bundle: packed.bytes });
    };
    assert.equal(await ask(signed), true, 'unaltered it holds');
    await noneHolds(signed, sample(signed.length, 300), ask);
  });

  test('in the sealed secrets', async () => {
    const { job, secrets } = await whole();
    const ask = (altered: Buffer) => activates({ ...job, secrets: altered.toString('latin1') });
    await noneHolds(Buffer.from(secrets), every(secrets.length), ask);
  });

  test('in the signed text of secrets, by one who can seal them anew', async () => {
    const { job, world } = await whole();
    const signed = Buffer.from(
      JSON.stringify(
        await world.sign('secrets', world.secretsPayload(1, { values: { key: 'k' } }), [world.keys.freshness]),
      ),
    );
    const ask = async (altered: Buffer) => activates({ ...job, secrets: await seal(altered, world.sealing.jwk) });
    assert.equal(await ask(signed), true, 'unaltered they hold');
    await noneHolds(signed, sample(signed.length, 200), ask);
  });
});
