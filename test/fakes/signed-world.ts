// SPDX-License-Identifier: Apache-2.0
// An organisation with real keys: roots, freshness documents, bundles, secrets and bypasses as a control plane signs them, each also in
// any bad variant. Knows no server.

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type {
  BundlePayload,
  BypassPayload,
  FreshPayload,
  Kill,
  RootPayload,
  SecretsPayload,
} from '../../src/contract/sync/objects.ts';
import type { ObjectType, SealingJwk, SignedObject, SigningJwk } from '../../src/contract/sync/words.ts';
import { type BundleBytes, packBundle } from '../../src/protocol/bundle-bytes.ts';
import { thumbprintOfJwk } from '../../src/protocol/key-id.ts';
import { fingerprintOf } from '../../src/protocol/root-chain.ts';
import { seal } from '../../src/protocol/seal.ts';
import { type Signer, signObject } from '../../src/protocol/signed-object.ts';

const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export interface SigningPair extends Signer {
  readonly jwk: SigningJwk;
}

export function signingPair(): SigningPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk: SigningJwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.export({ format: 'jwk' }).x ?? '' };
  return { kid: thumbprintOfJwk(jwk), key: privateKey, jwk };
}

export interface SealingPair {
  readonly key: KeyObject;
  readonly jwk: SealingJwk;
}

export function sealingPair(): SealingPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const x = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
  return { key: privateKey, jwk: { kty: 'OKP', crv: 'X25519', x } };
}

/** Who signs, and as what; the defaults are as it should be. */
export interface Signing {
  readonly by?: readonly Signer[];
  readonly type?: ObjectType;
}

export interface PublishedBundle extends BundleBytes {
  readonly version: number;
}

/** Keys of all roles but the root's. */
export interface RoleKeys {
  readonly policy: SigningPair;
  readonly freshness: SigningPair;
  readonly receipt: SigningPair;
}

export class SignedWorld {
  readonly org: string;
  readonly device: string;
  readonly ring = 'r100';
  /** Two of the three must sign. */
  rootKeys: readonly SigningPair[] = [signingPair(), signingPair(), signingPair()];
  keys: RoleKeys = { policy: signingPair(), freshness: signingPair(), receipt: signingPair() };
  readonly signing = signingPair();
  readonly sealing = sealingPair();
  readonly overrideKey = randomBytes(32);
  /** As text, number 1 first. */
  readonly roots: string[] = [];
  #seq = 0;
  readonly #now: () => number;

  private constructor(org: string, now: () => number) {
    this.org = org;
    this.device = `d-${randomBytes(16).toString('hex')}`;
    this.#now = now;
  }

  /** With root 1. @param now the server's clock */
  static async create(now: () => number, org = 'acme'): Promise<SignedWorld> {
    const world = new SignedWorld(org, now);
    await world.addRoot();
    return world;
  }

  get now(): number {
    return this.#now();
  }

  /** What device management pins: root 1. */
  get fingerprint(): string {
    const payload = (JSON.parse(this.roots[0] ?? '{}') as SignedObject).payload;
    return fingerprintOf(1, Buffer.from(payload, 'base64url'));
  }

  get anchor(): { readonly org: string; readonly device: string; readonly root: string } {
    return { org: this.org, device: this.device, root: this.fingerprint };
  }

  rootPayload(change: Partial<RootPayload> = {}): RootPayload {
    const { policy, freshness, receipt } = this.keys;
    return {
      v: 1,
      org: this.org,
      number: this.roots.length + 1,
      issued: this.now - HOUR,
      expires: this.now + 3650 * DAY,
      threshold: 2,
      keys: {
        root: this.rootKeys.map(({ jwk }) => jwk),
        policy: [policy.jwk],
        freshness: [freshness.jwk],
        receipt: [receipt.jwk],
      },
      ...change,
    };
  }

  /** The next root with the keys as they are now, signed by the old ones and the new ones. */
  async addRoot(change: Partial<RootPayload> = {}, before: readonly Signer[] = []): Promise<string> {
    const text = JSON.stringify(
      await this.sign('root', this.rootPayload(change), [...before, ...this.rootKeys.slice(0, 2)]),
    );
    this.roots.push(text);
    return text;
  }

  /** New keys for a role, made known by the next root. */
  async rotate(role: keyof RoleKeys): Promise<SigningPair> {
    const old = this.keys[role];
    this.keys = { ...this.keys, [role]: signingPair() };
    await this.addRoot();
    return old;
  }

  async sign(type: ObjectType, payload: unknown, by: readonly Signer[]): Promise<SignedObject> {
    return signObject(type, payload, by);
  }

  freshPayload(change: Partial<FreshPayload> = {}): FreshPayload {
    this.#seq = change.seq ?? this.#seq + 1;
    return {
      v: 1,
      org: this.org,
      ring: this.ring,
      seq: this.#seq,
      issued: this.now,
      expires: this.now + DAY,
      root: this.roots.length,
      bundle: null,
      secrets: 0,
      kill: [],
      next_poll_s: 60,
      revoked: [],
      ...change,
    };
  }

  /** As text. */
  async fresh(change: Partial<FreshPayload> = {}, { by, type = 'fresh' }: Signing = {}): Promise<string> {
    return JSON.stringify(await this.sign(type, this.freshPayload(change), by ?? [this.keys.freshness]));
  }

  async bundle(
    version: number,
    change: Partial<BundlePayload> = {},
    { by, type = 'bundle' }: Signing = {},
  ): Promise<PublishedBundle> {
    const payload: BundlePayload = {
      v: 1,
      org: this.org,
      version,
      created: this.now,
      ignorable: [],
      config: '{}',
      files: {},
      ...change,
    };
    return { ...packBundle(await this.sign(type, payload, by ?? [this.keys.policy])), version };
  }

  secretsPayload(number: number, change: Partial<SecretsPayload> = {}): SecretsPayload {
    return {
      v: 1,
      org: this.org,
      device: this.device,
      number,
      issued: this.now,
      values: {},
      override_key: this.overrideKey.toString('base64url'),
      ...change,
    };
  }

  /** Sealed to the device, or to another key. */
  async secrets(
    number: number,
    change: Partial<SecretsPayload> = {},
    { by, type = 'secrets', to = this.sealing.jwk }: Signing & { readonly to?: SealingJwk } = {},
  ): Promise<string> {
    const signed = await this.sign(type, this.secretsPayload(number, change), by ?? [this.keys.freshness]);
    return seal(Buffer.from(JSON.stringify(signed)), to);
  }

  /** An order that holds for an hour. */
  order(change: Partial<Kill> & Pick<Kill, 'level'>): Kill {
    return { id: `o-${change.level}`, reason: 'a drill', issued: this.now, until: this.now + HOUR, ...change };
  }

  /** A bypass with the root's leave. @param said what the leave says, where that is something else */
  async bypass(
    change: Partial<Kill> = {},
    { by, type = 'bypass', said = {} }: Signing & { readonly said?: Partial<BypassPayload> } = {},
  ): Promise<Kill> {
    const { id, reason, issued, until } = this.order({ level: 'bypass', ...change });
    const payload: BypassPayload = { v: 1, org: this.org, id, reason, issued, until, ...said };
    const proof = await this.sign(type, payload, by ?? this.rootKeys.slice(0, 2));
    return { id, level: 'bypass', reason, issued, until, proof };
  }
}

/** What a freshness document says of a bundle. */
export function named({ version, sha256, bytes }: PublishedBundle): NonNullable<FreshPayload['bundle']> {
  return { version, sha256, bytes: bytes.length };
}
