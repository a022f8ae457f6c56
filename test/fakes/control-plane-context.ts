// SPDX-License-Identifier: Apache-2.0
// A Context for tests of the control plane's parts: a real database, fresh Ed25519 keys, a clock that the test turns, organisations and
// devices on request. Two of them on one URL with the same keys are two processes of one server.

import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { TestContext } from 'node:test';
import type { RootPayload } from '../../src/contract/sync/objects.ts';
import type { SealingJwk, SignedObject, SigningJwk } from '../../src/contract/sync/words.ts';
import type { Context, Events, Keys, NudgeEvent } from '../../src/control-plane/context.ts';
import { openDb } from '../../src/control-plane/db/open.ts';
import type { DeviceTable, OrgTable } from '../../src/control-plane/db/tables.ts';
import { UNHEARD } from '../../src/control-plane/devices/unheard.ts';
import { ensureDays } from '../../src/control-plane/ingest/day-partitions.ts';
import { thumbprintOfJwk } from '../../src/protocol/key-id.ts';
import { type Signer, signObject } from '../../src/protocol/signed-object.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { FakeClock } from './clock.ts';

/** A key pair as both ends see it. */
export interface TestSigner extends Signer {
  readonly jwk: SigningJwk;
}

export function newSigner(): TestSigner {
  return signerOf(generateKeyPairSync('ed25519').privateKey);
}

export function signerOf(key: KeyObject): TestSigner {
  const jwk: SigningJwk = { kty: 'OKP', crv: 'Ed25519', x: xOf(createPublicKey(key)) };
  return { kid: thumbprintOfJwk(jwk), key, jwk };
}

function newSealKey(): SealingJwk {
  return { kty: 'OKP', crv: 'X25519', x: xOf(generateKeyPairSync('x25519').publicKey) };
}

function xOf(key: KeyObject): string {
  return String(key.export({ format: 'jwk' }).x);
}

/** One key for each role, the same for all organisations, and a master key. */
export interface TestKeys extends Keys {
  readonly roles: Readonly<Record<'root' | 'policy' | 'freshness' | 'receipt', TestSigner>>;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param receipt of a server whose second process this is */
export function newTestKeys(receipt: TestSigner = newSigner()): TestKeys {
  const roles = { root: newSigner(), policy: newSigner(), freshness: newSigner(), receipt };
  const master = randomBytes(32);
  return {
    roles,
    signers: (_org, role) => [roles[role]],
    encrypt(plain, bound) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', master, nonce).setAAD(Buffer.from(bound));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt(sealed, bound) {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', master, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(bound))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    },
  };
}

async function firstRoot(org: string, { roles }: TestKeys, now: number): Promise<SignedObject> {
  const payload: RootPayload = {
    v: 1,
    org,
    number: 1,
    issued: now,
    expires: now + 10 * 365 * 86_400_000,
    threshold: 1,
    keys: {
      root: [roles.root.jwk],
      policy: [roles.policy.jwk],
      freshness: [roles.freshness.jwk],
      receipt: [roles.receipt.jwk],
    },
  };
  return await signObject('root', payload, [roles.root]);
}

function localEvents(): Events {
  const listeners = new Set<(event: NudgeEvent) => void>();
  return {
    publish: async (event) => {
      for (const listener of listeners) listener(event);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => listeners.clear(),
  };
}

export interface TestControlPlane {
  readonly ctx: Context;
  readonly clock: FakeClock;
  readonly keys: TestKeys;
  /** With a first root that names `keys`. */
  addOrg(id: string, more?: Partial<OrgTable>): Promise<void>;
  /** An active device; returns its row. */
  addDevice(org: string, more?: Partial<DeviceTable>): Promise<DeviceTable>;
  close(): Promise<void>;
}

/** Opens the database that `url` names. With `test` it is closed when the test ends. */
export async function openControlPlane(
  url: string,
  {
    test,
    clock = new FakeClock(),
    keys = newTestKeys(),
  }: { readonly test?: Pick<TestContext, 'after'>; readonly clock?: FakeClock; readonly keys?: TestKeys } = {},
): Promise<TestControlPlane> {
  const db = await openDb(url);
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await db.close();
  };
  test?.after(close);
  const ctx: Context = { db, keys, clock, log: silentLog, events: localEvents(), random: randomBytes };
  await ensureDays(ctx);
  return {
    ctx,
    clock,
    keys,
    async addOrg(id, more = {}) {
      const row: OrgTable = {
        id,
        name: id,
        created: clock.now(),
        ring_key: randomBytes(32),
        secrets_number: 0,
        four_eyes: 0,
        settings: '{}',
        ...more,
      };
      await db.query.insertInto('org').values(row).execute();
      const object = JSON.stringify(await firstRoot(id, keys, clock.now()));
      await db.query.insertInto('root').values({ org: id, number: 1, object, created: clock.now() }).execute();
    },
    async addDevice(org, more = {}) {
      const sign = newSigner();
      const row: DeviceTable = {
        ...UNHEARD,
        root: 1,
        id: `d-${randomBytes(16).toString('hex')}`,
        org,
        kid: sign.kid,
        sign_key: JSON.stringify(sign.jwk),
        seal_key: JSON.stringify(newSealKey()),
        override_key: randomBytes(32),
        ring: 'ring-1',
        name: 'laptop-1',
        platform: 'linux',
        os_version: '6.1',
        arch: 'x64',
        serial: null,
        agent: '0.1.0',
        replaces: null,
        token: 't-1',
        enrolled: clock.now(),
        last_seen: clock.now(),
        ...more,
      };
      await db.query.insertInto('device').values(row).execute();
      return row;
    },
    close,
  };
}
