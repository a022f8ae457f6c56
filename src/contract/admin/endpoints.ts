// SPDX-License-Identifier: Apache-2.0
// All endpoints of the admin API, below `/admin/api/v1`: method, path, what it takes and gives, and the permission it asks for.

import type { z } from 'zod';
import type { Permission } from './access.ts';
import * as m from './messages.ts';
import * as r from './record-messages.ts';

export const ADMIN_API = '/admin/api/v1';
export const SESSION_COOKIE = 'outpost_admin';

export interface AdminEndpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `{id}`, `{version}`, `{name}` stand for parts. */
  readonly path: string;
  /** `public`: nobody is signed in yet. `session`: anybody who is. */
  readonly permission: Permission | 'public' | 'session';
  readonly query?: z.ZodType;
  readonly request?: z.ZodType;
  readonly answer: z.ZodType | 'json-lines' | 'redirect';
}

export const ADMIN_ENDPOINTS = {
  ways: { method: 'GET', path: '/ways', permission: 'public', query: m.orgQuery, answer: m.waysAnswer },
  signIn: {
    method: 'POST',
    path: '/sign-in',
    permission: 'public',
    query: m.orgQuery,
    request: m.signInRequest,
    answer: m.sessionAnswer,
  },
  oidcStart: { method: 'GET', path: '/oidc/start', permission: 'public', query: m.orgQuery, answer: 'redirect' },
  oidcCallback: { method: 'GET', path: '/oidc/callback', permission: 'public', answer: 'redirect' },
  session: { method: 'GET', path: '/session', permission: 'session', answer: m.sessionAnswer },
  signOut: { method: 'POST', path: '/sign-out', permission: 'session', answer: m.doneAnswer },
  password: {
    method: 'POST',
    path: '/password',
    permission: 'session',
    request: m.passwordRequest,
    answer: m.doneAnswer,
  },

  overview: { method: 'GET', path: '/overview', permission: 'overview.read', answer: m.overviewAnswer },

  devices: {
    method: 'GET',
    path: '/devices',
    permission: 'devices.read',
    query: m.devicesQuery,
    answer: m.devicesAnswer,
  },
  device: { method: 'GET', path: '/devices/{id}', permission: 'devices.read', answer: m.deviceAnswer },
  revoke: {
    method: 'POST',
    path: '/devices/{id}/revoke',
    permission: 'devices.change',
    request: m.revokeRequest,
    answer: m.doneAnswer,
  },
  reenroll: { method: 'POST', path: '/devices/{id}/reenroll', permission: 'devices.change', answer: m.doneAnswer },
  pinRing: {
    method: 'POST',
    path: '/devices/{id}/ring',
    permission: 'devices.change',
    request: m.ringRequest,
    answer: m.doneAnswer,
  },
  overrideCode: {
    method: 'POST',
    path: '/devices/{id}/override-code',
    permission: 'devices.change',
    request: m.overrideRequest,
    answer: m.overrideAnswer,
  },
  deviceChain: { method: 'GET', path: '/devices/{id}/chain', permission: 'audit.read', answer: m.chainAnswer },

  tokens: { method: 'GET', path: '/tokens', permission: 'tokens.read', answer: m.tokensAnswer },
  newToken: {
    method: 'POST',
    path: '/tokens',
    permission: 'tokens.change',
    request: m.newTokenRequest,
    answer: m.newTokenAnswer,
  },
  revokeToken: { method: 'POST', path: '/tokens/{id}/revoke', permission: 'tokens.change', answer: m.doneAnswer },

  policies: {
    method: 'GET',
    path: '/policies',
    permission: 'policies.read',
    query: m.policiesQuery,
    answer: m.policiesAnswer,
  },
  policy: { method: 'GET', path: '/policies/{version}', permission: 'policies.read', answer: m.policyAnswer },
  checkPolicy: {
    method: 'POST',
    path: '/policies/check',
    permission: 'policies.write',
    request: m.policyText,
    answer: m.checkAnswer,
  },
  diffPolicy: {
    method: 'POST',
    path: '/policies/diff',
    permission: 'policies.read',
    request: m.diffRequest,
    answer: m.diffAnswer,
  },
  dryRun: {
    method: 'POST',
    path: '/policies/dry-run',
    permission: 'policies.write',
    request: m.dryRunRequest,
    answer: m.dryRunAnswer,
  },
  saveDraft: {
    method: 'POST',
    path: '/policies',
    permission: 'policies.write',
    request: m.draftRequest,
    answer: m.draftAnswer,
  },
  propose: { method: 'POST', path: '/policies/{version}/propose', permission: 'policies.write', answer: m.doneAnswer },
  withdraw: {
    method: 'POST',
    path: '/policies/{version}/withdraw',
    permission: 'policies.write',
    answer: m.doneAnswer,
  },
  approve: {
    method: 'POST',
    path: '/policies/{version}/approve',
    permission: 'policies.approve',
    answer: m.doneAnswer,
  },
  publish: {
    method: 'POST',
    path: '/policies/{version}/publish',
    permission: 'policies.approve',
    request: m.publishRequest,
    answer: m.doneAnswer,
  },
  advance: {
    method: 'POST',
    path: '/policies/{version}/advance',
    permission: 'policies.approve',
    answer: m.doneAnswer,
  },
  halt: {
    method: 'POST',
    path: '/policies/{version}/halt',
    permission: 'policies.approve',
    request: m.haltRequest,
    answer: m.doneAnswer,
  },
  rollback: {
    method: 'POST',
    path: '/policies/{version}/rollback',
    permission: 'policies.approve',
    answer: m.draftAnswer,
  },
  rollout: { method: 'GET', path: '/policies/{version}/rollout', permission: 'policies.read', answer: m.rolloutAnswer },

  orders: { method: 'GET', path: '/orders', permission: 'orders.read', answer: m.ordersAnswer },
  newOrder: {
    method: 'POST',
    path: '/orders',
    permission: 'orders.change',
    request: m.newOrderRequest,
    answer: m.newOrderAnswer,
  },
  endOrder: { method: 'POST', path: '/orders/{id}/end', permission: 'orders.change', answer: m.doneAnswer },

  secrets: { method: 'GET', path: '/secrets', permission: 'secrets.read', answer: m.secretsAnswer },
  setSecret: {
    method: 'PUT',
    path: '/secrets/{name}',
    permission: 'secrets.change',
    request: m.secretRequest,
    answer: m.doneAnswer,
  },
  removeSecret: { method: 'DELETE', path: '/secrets/{name}', permission: 'secrets.change', answer: m.doneAnswer },

  audit: { method: 'GET', path: '/audit', permission: 'audit.read', query: r.auditQuery, answer: r.auditAnswerPage },
  auditExport: {
    method: 'GET',
    path: '/audit/export',
    permission: 'audit.read',
    query: r.auditQuery,
    answer: 'json-lines',
  },
  adminLog: {
    method: 'GET',
    path: '/admin-log',
    permission: 'audit.read',
    query: r.adminLogQuery,
    answer: r.adminLogAnswer,
  },
  adminLogCheck: { method: 'GET', path: '/admin-log/check', permission: 'audit.read', answer: r.adminLogCheckAnswer },

  alarms: { method: 'GET', path: '/alarms', permission: 'alarms.read', query: m.alarmsQuery, answer: m.alarmsAnswer },
  acknowledgeAlarm: {
    method: 'POST',
    path: '/alarms/{id}/acknowledge',
    permission: 'alarms.change',
    answer: m.doneAnswer,
  },
  closeAlarm: { method: 'POST', path: '/alarms/{id}/close', permission: 'alarms.change', answer: m.doneAnswer },

  users: { method: 'GET', path: '/users', permission: 'users.read', answer: m.usersAnswer },
  newUser: {
    method: 'POST',
    path: '/users',
    permission: 'users.change',
    request: m.newUserRequest,
    answer: m.newUserAnswer,
  },
  setRoles: {
    method: 'POST',
    path: '/users/{id}/roles',
    permission: 'users.change',
    request: m.rolesRequest,
    answer: m.doneAnswer,
  },
  setDisabled: {
    method: 'POST',
    path: '/users/{id}/disabled',
    permission: 'users.change',
    request: m.disabledRequest,
    answer: m.doneAnswer,
  },

  settings: { method: 'GET', path: '/settings', permission: 'settings.read', answer: m.settingsAnswer },
  setSettings: {
    method: 'PUT',
    path: '/settings',
    permission: 'settings.change',
    request: m.settingsRequest,
    answer: m.doneAnswer,
  },

  holds: { method: 'GET', path: '/holds', permission: 'audit.read', answer: m.holdsAnswer },
  newHold: {
    method: 'POST',
    path: '/holds',
    permission: 'holds.change',
    request: m.newHoldRequest,
    answer: m.newHoldAnswer,
  },
  releaseHold: { method: 'POST', path: '/holds/{id}/release', permission: 'holds.change', answer: m.doneAnswer },
} as const satisfies Readonly<Record<string, AdminEndpoint>>;
export type AdminEndpointName = keyof typeof ADMIN_ENDPOINTS;
