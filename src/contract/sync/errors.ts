// SPDX-License-Identifier: Apache-2.0
// What a control plane answers instead of a result. Codes are stable; an agent acts on the code, never on the text. Pure data.

export interface SyncErrorEntry {
  readonly status: number;
  /** For whoever reads the log. */
  readonly text: string;
  /** What an agent does. */
  readonly agent: 'retry' | 'clock' | 'split' | 'quarantine' | 'resend' | 'reenroll' | 'revoked' | 'stop';
}

export const SYNC_ERRORS = {
  malformed: { status: 400, text: 'The request is not what this endpoint takes.', agent: 'stop' },
  protocol: { status: 400, text: 'The header outpost-sync names no protocol that this server speaks.', agent: 'stop' },
  digest: { status: 400, text: 'The body does not match its content-digest.', agent: 'retry' },
  signature: { status: 401, text: 'The signature is missing, malformed or wrong.', agent: 'stop' },
  clock: {
    status: 401,
    text: 'The signature’s time is too far from the server’s; `now` has the latter.',
    agent: 'clock',
  },
  replay: { status: 401, text: 'This signature was used before.', agent: 'retry' },
  reenroll: {
    status: 401,
    text: 'The key is not (or no longer) known; the device must enrol again.',
    agent: 'reenroll',
  },
  revoked: {
    status: 401,
    text: 'The device was revoked. An administrator lets the machine enrol again with `outpost-admin device reenroll`.',
    agent: 'revoked',
  },
  token: { status: 403, text: 'The enrolment token is unknown, used up or expired.', agent: 'stop' },
  'sign-in': {
    status: 403,
    text: 'The sign-in was not started by this device, took too long, or was refused.',
    agent: 'stop',
  },
  forbidden: { status: 403, text: 'This is another organisation’s, ring’s or device’s.', agent: 'stop' },
  missing: { status: 404, text: 'There is no such object.', agent: 'retry' },
  behind: {
    status: 409,
    text: 'Rows before these are missing; `ack` has the last one that is stored.',
    agent: 'resend',
  },
  fork: { status: 409, text: 'Another row with this number is stored already.', agent: 'stop' },
  'too-large': { status: 413, text: 'The body is larger than allowed.', agent: 'split' },
  row: { status: 422, text: 'A row cannot be stored; `seq` names it.', agent: 'quarantine' },
  rate: { status: 429, text: 'Too many requests; see retry-after.', agent: 'retry' },
  internal: { status: 500, text: 'The server has a defect; its log has the request’s id.', agent: 'retry' },
  unavailable: { status: 503, text: 'The server cannot answer now; see retry-after.', agent: 'retry' },
} as const satisfies Readonly<Record<string, SyncErrorEntry>>;

export type SyncErrorCode = keyof typeof SYNC_ERRORS;
