// SPDX-License-Identifier: Apache-2.0
// What the endpoints that change something, or give much away, are called in the log when somebody was not let: the same words as the
// services use for what was done. Data only.

import type { AdminEndpointName } from '../../../contract/admin/endpoints.ts';

export const ACTIONS: Readonly<Partial<Record<AdminEndpointName, string>>> = {
  revoke: 'device.revoke',
  reenroll: 'device.reenroll',
  pinRing: 'device.ring',
  overrideCode: 'device.override',
  newToken: 'token.create',
  revokeToken: 'token.revoke',
  saveDraft: 'policy.save',
  propose: 'policy.propose',
  withdraw: 'policy.withdraw',
  approve: 'policy.approve',
  publish: 'policy.publish',
  advance: 'policy.advance',
  halt: 'policy.halt',
  rollback: 'policy.rollback',
  newOrder: 'kill.issue',
  endOrder: 'kill.end',
  setSecret: 'secret.set',
  removeSecret: 'secret.remove',
  acknowledgeAlarm: 'alarm.acknowledge',
  closeAlarm: 'alarm.close',
  newUser: 'user.create',
  setRoles: 'user.roles',
  setDisabled: 'user.disable',
  setSettings: 'org.settings',
  newHold: 'hold.place',
  releaseHold: 'hold.release',
  auditExport: 'audit.export',
};
