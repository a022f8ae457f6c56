// SPDX-License-Identifier: Apache-2.0
// What agent and control plane say to each other over HTTP: bodies of requests and answers; endpoints.ts says where. Schemas only.
// Unknown members are errors in what a server receives; an agent ignores them in answers that are not signed, so that servers can grow.

import { z } from 'zod';
import { SYNC_ERRORS, type SyncErrorCode } from './errors.ts';
import {
  deviceId,
  epochId,
  instant,
  MAX_BATCH_ROWS,
  orgId,
  programVersion,
  ringId,
  sealingKey,
  sha256Hex,
  signedObject,
  signingKey,
  text,
} from './words.ts';

const now = instant.describe('The server’s time.');

export const discovery = z
  .object({
    protocols: z
      .array(z.string().max(64))
      .min(1)
      .max(16)
      .describe('Newest first; an agent takes the first one that it speaks.'),
    server: text(64).describe('Name and version of the server’s program.'),
    now,
  })
  .describe('What the server speaks.');
export type Discovery = z.infer<typeof discovery>;

const lastRow = {
  seq: z.int().nonnegative().describe('0: there is none.'),
  hash: sha256Hex.describe('Its hash; 64 zeros: there is none.'),
};

export const errorAnswer = z
  .object({
    error: z.enum(Object.keys(SYNC_ERRORS) as [SyncErrorCode, ...SyncErrorCode[]]).describe('What is wrong.'),
    message: text(1024).describe('For whoever reads the log.'),
    now: instant.optional().describe('With `clock`: the server’s time.'),
    ack: z.object(lastRow).optional().describe('With `behind`: the last row of the epoch that is stored.'),
    seq: z.int().positive().optional().describe('With `fork` and `row`: number of the row.'),
  })
  .describe('An answer that is no result. An agent acts on the code, never on the text.');
export type ErrorAnswer = z.infer<typeof errorAnswer>;

const publicKeys = z.strictObject({
  sign: signingKey.describe('Signs requests.'),
  seal: sealingKey.describe('Secrets are sealed to it.'),
});

export const deviceFacts = z
  .strictObject({
    name: text(253).min(1).describe('Host name.'),
    os: z
      .strictObject({
        platform: text(32).describe('As Node.js names it: `linux`, `darwin`, `win32`.'),
        version: text(128).describe('Of the operating system.'),
        arch: text(32).describe('As Node.js names it: `x64`, `arm64`.'),
      })
      .describe('The operating system.'),
    serial: text(128).min(1).optional().describe('Serial number of the machine.'),
    agent: programVersion,
  })
  .describe('What the device is; shown to administrators.');
export type DeviceFacts = z.infer<typeof deviceFacts>;

/** The same keys again give the same answer and use the token no second time. */
export const enrollRequest = z
  .strictObject({
    v: z.literal(1),
    org: orgId,
    token: z
      .string()
      .regex(/^ote_[A-Za-z0-9_-]{43}$/, 'must be an enrolment token (ote_…)')
      .describe('Enrolment token.'),
    keys: publicKeys.describe('New public keys. The request is signed with the private half of `sign`.'),
    facts: deviceFacts,
  })
  .describe('Signed with the new key itself.');
export type EnrollRequest = z.infer<typeof enrollRequest>;

export const enrollAnswer = z
  .object({
    device: deviceId,
    org: orgId,
    ring: ringId,
    now,
    bind_user: z.boolean().describe('The server wants to know who uses the device.'),
  })
  .describe('The device that was made.');
export type EnrollAnswer = z.infer<typeof enrollAnswer>;

export const rotateRequest = z
  .strictObject({
    v: z.literal(1),
    keys: publicKeys.describe('New public keys.'),
    proof: signedObject.describe('A `rotatePayload`, signed with the new key.'),
  })
  .describe('Signed with the old key.');
export type RotateRequest = z.infer<typeof rotateRequest>;
export const rotateAnswer = z
  .object({ now, old_until: instant.describe('Until then the old key is good too.') })
  .describe('The new keys are in force.');

const place = z.strictObject({
  version: z.int().positive().describe('Of the policy.'),
  sha256: sha256Hex.describe('Of the bundle.'),
});

/** Where it stands in the text that was published. */
export const policyFault = z
  .strictObject({
    message: text(1024).describe('What is wrong, for people.'),
    line: z.int().nonnegative().describe('From 1; 0: not known.'),
    column: z.int().nonnegative().describe('From 1; 0: not known.'),
    at: text(512).describe('Dotted path in the configuration.'),
  })
  .describe('A fault of a bundle.');

export const FRESHNESS_STATES = ['none', 'fresh', 'stale', 'expired'] as const;

export const statusRequest = z
  .strictObject({
    v: z.literal(1),
    facts: deviceFacts,
    active: z
      .strictObject({ ...place.shape, since: instant.describe('When it was activated, by the device’s clock.') })
      .nullable()
      .describe('What rules now; null: nothing was activated yet.'),
    freshness: z
      .enum(FRESHNESS_STATES)
      .describe(
        'Of the freshness document: `none` yet, not expired, expired, expired for longer than the policy’s grace.',
      ),
    candidate: z
      .strictObject({
        version: z.int().nonnegative().describe('0: a freshness document was refused.'),
        sha256: sha256Hex.describe('Of the bundle, or of that document as it came.'),
        errors: z.array(policyFault).min(1).max(20).describe('Why.'),
      })
      .nullable()
      .describe(
        'The NACK: the version that was refused last, while it is still the one that is offered. It is not in use.',
      ),
    ring: ringId,
    root: z.int().min(1).describe('Number of the newest root that the device has.'),
    fresh_seq: z.int().nonnegative().describe('Of the newest freshness document; 0: there is none.'),
    secrets: z.int().nonnegative().describe('Number of the secrets; 0: there are none.'),
    kills: z.array(text(64)).max(64).describe('Ids of orders that are obeyed.'),
    override_until: instant.nullable().describe('An offline override is under way until then.'),
    queue: z
      .strictObject({
        epoch: epochId.nullable().describe('The one that is written to; null: there is none yet.'),
        seq: z
          .int()
          .nonnegative()
          .describe('Highest number ever given in the epoch. Lower than what the server has: an old disk came back.'),
        rows: z.int().nonnegative().describe('Not uploaded.'),
        bytes: z.int().nonnegative().describe('Of these rows.'),
        oldest: instant.nullable().describe('Time of the oldest of them.'),
        quarantined: z.int().nonnegative().describe('Rows whose bodies the server refused.'),
      })
      .describe('Audit rows on the device.'),
    clock_delta_ms: z.int().describe('Milliseconds by which the device’s clock is behind the server’s.'),
    coverage: z
      .strictObject({
        interception: z.enum(['on', 'bypass']).describe('Are calls intercepted? `bypass`: by order.'),
        warnings: z.array(text(64)).max(64).describe('Codes of the warnings that are shown on the device.'),
      })
      .describe('What of its calls the device governs.'),
  })
  .describe('How the device stands. Sent when something changed, and every 15 minutes.');
export type StatusRequest = z.infer<typeof statusRequest>;

export const statusAnswer = z
  .object({
    now,
    ring: ringId.describe('May differ from the one that the device was in.'),
    reenroll: z.boolean().describe('The device must make new keys and enrol again (with the token of its management).'),
    user: z
      .object({ name: text(256).describe('Name of the person.'), until: instant.describe('Until then.') })
      .nullable()
      .describe('Who uses the device, once that is known.'),
  })
  .describe('What the server makes of it.');
export type StatusAnswer = z.infer<typeof statusAnswer>;

/** The body is its canonical text, so that both ends hash the same bytes. */
export const batchRow = z
  .strictObject({
    seq: z.int().positive().describe('Number of the row in its epoch.'),
    at: z.int().describe('Milliseconds since the Unix epoch, device clock.'),
    hash: sha256Hex.describe('Of this row and, by it, of all before it.'),
    body: z
      .string()
      .nullable()
      .describe(
        'Canonical JSON of a `rowBody`. null: the server refused this row’s body before; only its place in the chain is told.',
      ),
  })
  .describe('One row of the audit log.');
export type BatchRow = z.infer<typeof batchRow>;

/** Sent with content-encoding zstd, gzip or none. */
export const auditBatch = z
  .strictObject({
    v: z.literal(1),
    epoch: epochId,
    after: z.strictObject(lastRow).describe('The row before the first one.'),
    rows: z
      .array(batchRow)
      .min(1)
      .max(MAX_BATCH_ROWS)
      .describe('In order; the first is numbered one above `after`, each other one above the one before it.'),
    lost: z
      .strictObject({
        from: z.int().positive().describe('The first.'),
        to: z.int().positive().describe('The last: `after.seq`.'),
        reason: text(64).describe('Why: the reason of a gap row, or `missing`.'),
      })
      .optional()
      .describe(
        'All rows between the last one that the server has and the first of these, where they no longer exist on the device. The server goes on behind them and raises an alarm.',
      ),
  })
  .refine(({ after, rows }) => rows.every((row, index) => row.seq === after.seq + 1 + index), {
    message: 'rows must follow each other without holes',
    path: ['rows'],
  })
  .describe('Rows of one epoch.');
export type AuditBatch = z.infer<typeof auditBatch>;

export const auditAnswer = z
  .object({
    ack: z
      .object({
        epoch: epochId,
        seq: z.int().positive().describe('Its number.'),
        hash: sha256Hex.describe('Its hash.'),
      })
      .describe('The last row of the epoch that is stored, with all before it.'),
    receipt: signedObject.describe('A `receiptPayload` that says the same.'),
  })
  .describe('All rows of the batch are stored.');
export type AuditAnswer = z.infer<typeof auditAnswer>;

const bindState = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22,64}$/)
  .describe('Random; the agent takes only a redirect that has it.');

/** RFC 8252: the agent listens on loopback and keeps the verifier (RFC 7636). */
export const bindStartRequest = z
  .strictObject({
    v: z.literal(1),
    redirect_uri: z
      .string()
      .regex(/^http:\/\/127\.0\.0\.1:\d{1,5}\/[A-Za-z0-9/_-]{0,64}$/)
      .describe('Where the agent listens.'),
    code_challenge: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/)
      .describe('SHA-256 of the verifier in base64url (S256).'),
    state: bindState,
  })
  .describe('Starts the sign-in of the person at the device.');
export const bindStartAnswer = z
  .object({ url: z.url().max(4096).describe('To be opened in the browser.') })
  .describe('Where the person signs in.');
/** The server exchanges the code and checks the identity; the agent never sees a token. */
export const bindRequest = z
  .strictObject({
    v: z.literal(1),
    state: bindState,
    code: z.string().min(1).max(2048).describe('What the redirect brought.'),
    code_verifier: z
      .string()
      .regex(/^[A-Za-z0-9._~-]{43,128}$/)
      .describe('That of `code_challenge`.'),
  })
  .describe('Ends the sign-in.');
export const bindAnswer = z
  .object({
    user: text(256).describe('Name of the person.'),
    groups: z.array(text(256)).max(1024).describe('Groups that the identity provider names.'),
    until: instant.describe('From then on the device is nobody’s; sign in again.'),
  })
  .describe('Who uses the device.');

export const nudge = z
  .object({
    seq: z
      .int()
      .nonnegative()
      .describe('Of the freshness document that is to be had; it may be older than the one held.'),
    spread_s: z.int().min(0).max(3600).describe('Look after a random part of so many seconds; 0: at once.'),
  })
  .describe('`data` of the stream’s only event, `fresh`: look at the freshness document again.');
export type Nudge = z.infer<typeof nudge>;
