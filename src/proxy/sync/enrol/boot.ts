// SPDX-License-Identifier: Apache-2.0
// The door to enrolment for the wiring: what this device belongs to at its start, and what keeps it so.

export { type KeptEnrolment, keepEnrolled, type Trouble } from './keep-enrolled.ts';
export {
  type ManagedFacts,
  type ManagedNow,
  type Membership,
  managementOf,
  type Organisation,
  orgKeysOf,
  readOrganisation,
} from './membership.ts';
