// SPDX-License-Identifier: Apache-2.0
// The alarm catalogue of the control plane: what may be wrong with devices, roll-outs and records, in words for whoever looks after
// them. Pure data; who raises an alarm and how it is shown is not known here.

import type { Severity } from './health.ts';

export interface AlarmEntry {
  readonly title: string;
  /** What happened, and what it may mean. */
  readonly text: string;
  /** What to do, as an instruction. */
  readonly fix: string;
  readonly severity: Severity;
}

export const ALARMS = {
  gap: {
    title: 'Audit rows are missing',
    text: 'The device says itself that it lost rows, and why: its disk was full or damaged, its size cap was reached, or the agent was stopped.',
    fix: 'Look at the reason and the rows named here. Free disk space, or raise `audit.cap_mb`; a device that was stopped by hand deserves a question.',
    severity: 'medium',
  },
  fork: {
    title: 'Two histories of one device',
    text: 'The device sent a row that differs from the one stored here under the same number. An old copy of its disk is in use, two machines share one identity, or rows were rewritten.',
    fix: 'Find out whether the machine was restored or cloned. Then revoke it and enrol it anew; this history takes no further rows.',
    severity: 'high',
  },
  'missing-rows': {
    title: 'The end of a history never arrived',
    text: 'A new audit file names rows of the file before it that were never uploaded. The file was deleted or damaged before they were.',
    fix: 'Ask who removed the file, or look for a failing disk. The rows named here are lost unless the machine’s backup has them.',
    severity: 'high',
  },
  restored: {
    title: 'An old state of the device came back',
    text: 'A new audit file goes on from a place that the device had long passed. Its disk, or its audit folder, was put back from a copy.',
    fix: 'Find out who restored the machine. What it did since is stored here up to the last upload only.',
    severity: 'high',
  },
  'rolled-back': {
    title: 'The device is behind what it had sent',
    text: 'The device reports a lower number of rows, or an older state, than the control plane has from it already. Its disk was put back from a copy.',
    fix: 'Find out who restored the machine. Expect an alarm of two histories when it goes on.',
    severity: 'high',
  },
  'epoch-reset': {
    title: 'The device began as if it had no past',
    text: 'A new audit file names none before it, although files of this device are known. The audit folder was emptied, or the agent’s data was removed and put in place again.',
    fix: 'Ask who removed the agent’s data. Rows that had not been uploaded are lost.',
    severity: 'high',
  },
  quarantined: {
    title: 'Rows could not be stored',
    text: 'The control plane refused the text of some rows: too large, or not readable. Their places in the chain are kept; the text is on the device only.',
    fix: 'Read the rows on the device with `outpost audit tail`. Update the agent if this repeats: it is a defect or an attempt to get text past the record.',
    severity: 'medium',
  },
  silent: {
    title: 'A device has not been heard of',
    text: 'The device is enrolled but has not been in contact for longer than the organisation allows. It is switched off, without network, or the agent was stopped.',
    fix: 'Ask its user, or revoke the device if it is no longer in use. Closes by itself when the device is back.',
    severity: 'medium',
  },
  'device-displaced': {
    title: 'A device was pushed out of its place',
    text: 'A machine enrolled with the serial number of a device that was active, and took its place; the keys of the one before are refused since. The machine was set up anew, two machines have the same serial number, or somebody with an enrolment token pretends to be this device.',
    fix: 'Ask whether the machine was set up anew. If not, revoke the device that came last, and the token that it enrolled with; the right machine gets back in with another token after `outpost-admin device reenroll` for the revoked one. Then close the alarm.',
    severity: 'medium',
  },
  'revoked-returned': {
    title: 'A revoked device wants to come back',
    text: 'A machine whose device was revoked made new keys and asked to enrol, with a token that is good. It was refused; or, where `by` names a new device, it enrolled with its data in another folder, as another user of the machine would. A lost machine was found or is in use by somebody else, or device management still gives it a token.',
    fix: 'Find out who has the machine. If it may come back, run `outpost-admin device reenroll` for the revoked device; else revoke the new one and the token, or take the machine out of device management. Then close the alarm.',
    severity: 'medium',
  },
  'chain-break': {
    title: 'A row does not fit its chain',
    text: 'The hash of a row is not that of its content and the row before it. The row was changed on the device after it was written, or its file is damaged.',
    fix: 'Run `outpost audit verify` on the device before its files go. The changed row’s text is not stored here.',
    severity: 'high',
  },
  'rollout-halted': {
    title: 'A roll-out stopped by itself',
    text: 'A new version of the policy was refused by too many devices, blocked far more than the one before, or made devices go silent.',
    fix: 'Read the faults that the devices report, correct the policy and publish a new version.',
    severity: 'high',
  },
  'digest-broken': {
    title: 'The stored record may have been changed',
    text: 'The signed hourly digests do not agree with each other or with what is stored: one is missing or altered, or a history became shorter.',
    fix: 'Keep the digests and the database as they are and compare them with their copies elsewhere. Whoever can write to both may have changed rows.',
    severity: 'high',
  },
  'digest-late': {
    title: 'The hourly digest cannot be kept',
    text: 'For hours the folder or the bucket that keeps the signed digests has not taken the last one. Until it does no further digest is made, and changes of stored rows since then would not show.',
    fix: 'Read why in the log of the server (`upkeep-failed`), and mend the folder, the bucket or its key. Closes by itself.',
    severity: 'high',
  },
  'export-behind': {
    title: 'An export does not keep up',
    text: 'Audit rows wait for longer than a day to be taken by a receiver. They are kept beyond their retention for it, at most twice as long; what is older than that was deleted without having been sent.',
    fix: 'Read why the receiver does not take them with `outpost-admin export list`, and mend it or remove the export. Closes by itself when the rows are sent; where rows were deleted unsent, it stays until somebody closes it.',
    severity: 'medium',
  },
  'export-rejected': {
    title: 'A receiver refuses audit rows',
    text: 'The receiver of an export said that it cannot take certain rows, while it takes others. The export went on without them. They are still stored here.',
    fix: 'Find the rows that the alarm names with `outpost-admin audit search`, and the reason in the log of the receiver. Then close the alarm.',
    severity: 'medium',
  },
} as const satisfies Readonly<Record<string, AlarmEntry>>;

export type AlarmKind = keyof typeof ALARMS;
