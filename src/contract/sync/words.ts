// SPDX-License-Identifier: Apache-2.0
// The words of outpost-sync/1: names, limits and shapes of single values that its messages and objects are made of. Schemas only.

import { z } from 'zod';

export {
  LIMITS,
  MAX_BATCH_ROWS,
  NONCE_MEMORY_S,
  PROTOCOL,
  PROTOCOL_HEADER,
  SIGNATURE_WINDOW_S,
} from './limits.ts';

export const instant = z.int().nonnegative().describe('Milliseconds since the Unix epoch.');
export const orgId = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be 1 to 63 of a-z, 0-9 and "-" (not at the ends)')
  .describe('An organisation.');
export const deviceId = z
  .string()
  .regex(/^d-[0-9a-f]{32}$/)
  .describe('A device. Given by the server at enrolment; 128 random bits.');
export const ringId = z
  .string()
  .regex(/^[a-z0-9-]{1,32}$/)
  .describe('Which devices get a version at the same time. A server names its own rings.');
export const sha256Hex = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 in lower-case hex.');
export const epochId = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .describe('A stretch of the audit log of one device, which numbers its rows from 1. 64 random bits.');

// Base64url of a fixed length ends in a character whose spare bits are zero: two after 32 bytes, four after 64. Other spellings of the
// same bytes are refused; else one key would have several names, and count as often.
const KEY_32 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const SIGNATURE_64 = /^[A-Za-z0-9_-]{85}[AQgw]$/;
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);
/** 32 bytes in base64url without padding. */
export const key32 = z.string().regex(KEY_32).describe('32 bytes in base64url.');
export const keyId = z
  .string()
  .regex(KEY_32)
  .describe('RFC 7638 thumbprint of a public key, with SHA-256, in base64url: what keys are called everywhere.');

export const signingKey = z
  .strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: key32 })
  .describe('An Ed25519 public key as RFC 8037 writes it.');
export const sealingKey = z
  .strictObject({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: key32 })
  .describe('An X25519 public key as RFC 8037 writes it: what secrets are sealed to.');
export type SigningJwk = z.infer<typeof signingKey>;
export type SealingJwk = z.infer<typeof sealingKey>;

/** Short text without control characters: it is shown to people. */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here.
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not have control characters');

export const programVersion = z
  .string()
  .regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+-]{1,64})?$/)
  .describe('Version of a program: `1.2.3`, with what semver allows behind it.');

export const secretName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/)
  .describe('Name of a secret, as a bundle refers to it (`api_key: secret:NAME`).');

/** At most as many signatures as there can be root keys. */
export const signedObject = z
  .strictObject({
    payload: base64url.describe('The signed bytes in base64url.'),
    signatures: z
      .array(
        z.strictObject({
          protected: base64url.max(512).describe('A `protectedHeader` as JSON, in base64url.'),
          signature: z.string().regex(SIGNATURE_64).describe('64 bytes in base64url.'),
        }),
      )
      .min(1)
      .max(8)
      .describe('One by each key that signs.'),
  })
  .describe('JWS in its general JSON form (RFC 7515, 7.2.1).');
export type SignedObject = z.infer<typeof signedObject>;

/** `typ` of the protected header of each kind of object: one kind never passes for another. */
export const OBJECT_TYPES = {
  root: 'outpost-root+jws',
  fresh: 'outpost-fresh+jws',
  bundle: 'outpost-bundle+jws',
  secrets: 'outpost-secrets+jws',
  receipt: 'outpost-receipt+jws',
  bypass: 'outpost-bypass+jws',
  rotate: 'outpost-rotate+jws',
  digest: 'outpost-digest+jws',
} as const;
export type ObjectType = keyof typeof OBJECT_TYPES;

export const protectedHeader = z
  .strictObject({
    alg: z.literal('Ed25519').describe('The fully specified name of RFC 9864.'),
    typ: z.string().max(64).describe('Kind of the object.'),
    kid: keyId.describe('Name of the key that signed.'),
  })
  .describe('What a signature says of itself: exactly these members.');
