// SPDX-License-Identifier: Apache-2.0
// What the control plane signs: root, freshness document, bundle, secrets, receipt, the proof of a bypass. Payloads as schemas; how
// they are signed is src/protocol's. Times are milliseconds since the Unix epoch.

import { z } from 'zod';
import {
  deviceId,
  epochId,
  instant,
  key32,
  keyId,
  orgId,
  programVersion,
  ringId,
  secretName,
  sha256Hex,
  signedObject,
  signingKey,
  text,
} from './words.ts';

const keys = z.array(signingKey).min(1).max(8);

const rootNumber = z.int().min(1).max(1_000_000);
const issued = instant.describe('When it was signed.');

/**
 * Number N + 1 is signed by the thresholds of N and of itself; one of them is pinned by its fingerprint (`root-N:` and the SHA-256 of
 * its payload's bytes), which a device has from its management, not from the server.
 */
export const rootPayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    number: rootNumber.describe('1, and one more with each root.'),
    issued,
    expires: instant.describe('From then on it vouches for nothing but its successor.'),
    threshold: z.int().min(1).max(8).describe('So many different root keys must have signed; not more than there are.'),
    keys: z
      .strictObject({
        root: keys.describe('Sign roots, and leave to bypass.'),
        policy: keys.describe('Sign bundles.'),
        freshness: keys.describe('Sign freshness documents and secrets.'),
        receipt: keys.describe('Sign receipts.'),
      })
      .describe('Public keys, by what they may do.'),
  })
  .describe('Whose signatures count.');
export type RootPayload = z.infer<typeof rootPayload>;

export const KILL_LEVELS = ['block-provider', 'block-app', 'block-all-ai', 'bypass'] as const;

const killId = text(64).min(1).describe('Name of the order.');

/** Signed by the root threshold, so that no stolen server can switch enforcement off. */
export const bypassPayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    id: killId,
    reason: text(256).describe('For people.'),
    issued,
    until: instant.describe('From then on it does not hold.'),
  })
  .describe('Leave to stop intercepting, and until when.');
export type BypassPayload = z.infer<typeof bypassPayload>;

export const kill = z
  .strictObject({
    id: killId,
    level: z.enum(KILL_LEVELS).describe('What is blocked; `bypass`: nothing is intercepted.'),
    target: text(256)
      .min(1)
      .optional()
      .describe(
        'A provider’s name, or an app as the audit log names it (`*` matches any characters). For `block-provider` and `block-app` only; they need one.',
      ),
    reason: text(256).describe('For people.'),
    issued: instant.describe('When it was given.'),
    until: instant.describe('From then on it does not hold.'),
    proof: signedObject
      .optional()
      .describe('A signed `bypassPayload` with the same `id` and `until`. For `bypass` only; it needs one.'),
  })
  .superRefine(({ level, target, proof }, context) => {
    const needsTarget = level === 'block-provider' || level === 'block-app';
    if (needsTarget !== (target !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['target'],
        message: `level "${level}" ${needsTarget ? 'needs' : 'has no'} target`,
      });
    }
    if ((level === 'bypass') !== (proof !== undefined)) {
      context.addIssue({ code: 'custom', path: ['proof'], message: 'bypass, and nothing else, has a proof' });
    }
  })
  .describe('An order that holds at once and ends by itself.');
export type Kill = z.infer<typeof kill>;

/** Short-lived, signed by a freshness key, the same for all devices of the ring. */
export const freshPayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    ring: ringId,
    seq: z.int().positive().describe('Rises with each signing for the ring.'),
    issued,
    expires: instant.describe('From then on something newer may be held back.'),
    root: rootNumber.describe('Number of the root in force.'),
    bundle: z
      .strictObject({
        version: z.int().positive().describe('Rises with each version of the policy; a rollback is a new version.'),
        sha256: sha256Hex.describe('Name of the bundle: SHA-256 of the bytes that are served.'),
        bytes: z.int().positive().describe('How many bytes are served.'),
      })
      .nullable()
      .describe('The version of this ring; null: nothing was published yet.'),
    secrets: z
      .int()
      .nonnegative()
      .describe(
        'Number of the organisation’s secrets. Higher than that of the envelope held: fetch it anew. 0: there are none.',
      ),
    kill: z.array(kill).max(64).describe('Orders in force.'),
    next_poll_s: z.int().min(5).max(86_400).describe('Seconds between two polls.'),
    min_agent: programVersion.optional().describe('Older agents warn; they go on.'),
    revoked: z
      .array(z.string().regex(/^[0-9a-f]{16}$/))
      .max(4096)
      .describe('First 16 hex digits of the SHA-256 of the id of each device that was revoked as lost or stolen.'),
  })
  .describe('What holds in a ring right now.');
export type FreshPayload = z.infer<typeof freshPayload>;

/**
 * The very text that was published, so that a fault's line and column are those of the editor. Holds no secret: it may lie on any CDN.
 * Served as zstd of the signed object; its name is the SHA-256 of the bytes that are served.
 */
export const bundlePayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    version: z.int().positive().describe('That of the freshness document.'),
    created: instant.describe('When it was published.'),
    ignorable: z
      .array(z.string().max(64))
      .max(32)
      .describe(
        'Top-level keys of `config` that an agent which does not know them may leave out. All others must be known to it.',
      ),
    config: z.string().max(1_048_576).describe('The text of outpost.yaml.'),
    files: z
      .record(z.string().min(1).max(256), z.string().max(4 * 1_048_576))
      .refine((all) => Object.keys(all).length <= 32, {
        message: 'must not have more than 32 files',
      })
      .describe('Text of the files that `config` names (catalogue, upstream.ca_files), by that name. At most 32.'),
  })
  .describe('A version of the policy.');
export type BundlePayload = z.infer<typeof bundlePayload>;

/** Signed by a freshness key, then sealed to the device (JWE). */
export const secretsPayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    device: deviceId,
    number: z.int().positive().describe('Rises with each change of the organisation’s secrets.'),
    issued,
    values: z
      .record(secretName, z.string().regex(/^[!-~]{1,8192}$/))
      .refine((all) => Object.keys(all).length <= 1024, { message: 'must not have more than 1024 secrets' })
      .describe('Values by `secretName`. Visible ASCII: they become header values. At most 1024.'),
    override_key: key32.describe('Key of the offline override codes.'),
  })
  .describe('Values that bundles name but do not hold, for one device.');
export type SecretsPayload = z.infer<typeof secretsPayload>;

/** Signed by a receipt key; the device keeps it. */
export const receiptPayload = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    device: deviceId,
    epoch: epochId,
    seq: z.int().positive().describe('Number of the last row.'),
    hash: sha256Hex.describe('Hash of the last row.'),
    at: instant.describe('When it was stored, by the server’s clock.'),
  })
  .describe('The server has all rows of the epoch up to this one.');
export type ReceiptPayload = z.infer<typeof receiptPayload>;

/** Signed with the new signing key; the request that carries it is signed with the old one. */
export const rotatePayload = z
  .strictObject({
    v: z.literal(1),
    device: deviceId,
    from: keyId.describe('The key that is replaced.'),
    issued,
  })
  .describe('The new key’s word that it follows the old one.');
export type RotatePayload = z.infer<typeof rotatePayload>;
