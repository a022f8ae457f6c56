// SPDX-License-Identifier: Apache-2.0
// Where agent and control plane say what: the table of endpoints, as data. docs/reference/sync.md and openapi.json are made from it.

import type { z } from 'zod';
import type { SyncErrorCode } from './errors.ts';
import {
  auditAnswer,
  auditBatch,
  bindAnswer,
  bindRequest,
  bindStartAnswer,
  bindStartRequest,
  discovery,
  enrollAnswer,
  enrollRequest,
  rotateAnswer,
  rotateRequest,
  statusAnswer,
  statusRequest,
} from './messages.ts';

/** Content type of each kind of answer. Requests and errors are JSON. */
export const ANSWER_TYPES = {
  json: 'application/json',
  'signed-object': 'application/jose+json',
  zstd: 'application/zstd',
  jwe: 'application/jose',
  'event-stream': 'text/event-stream',
} as const;

export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** `{org}`, `{ring}`, `{n}`, `{sha256}` stand for parts. */
  readonly path: string;
  /** Must it be signed? `optional`: public, but a signature tells the server that the device is there. */
  readonly signed: 'required' | 'optional' | 'new-key';
  readonly request?: z.ZodType;
  /** A schema, or what kind of bytes. */
  readonly answer: z.ZodType | Exclude<keyof typeof ANSWER_TYPES, 'json'>;
  /** Beside those that any endpoint of its kind may answer. */
  readonly errors?: readonly SyncErrorCode[];
  readonly summary: string;
}

/** All of the protocol. */
export const ENDPOINTS = {
  discovery: {
    method: 'GET',
    path: '/.well-known/outpost-sync',
    signed: 'optional',
    answer: discovery,
    summary: 'Which protocols the server speaks, and its time.',
  },
  enroll: {
    method: 'POST',
    path: '/v1/enroll',
    signed: 'new-key',
    request: enrollRequest,
    answer: enrollAnswer,
    errors: ['token', 'forbidden'],
    summary: 'Makes a device of whoever holds a token. Safe to repeat.',
  },
  rotate: {
    method: 'POST',
    path: '/v1/rotate',
    signed: 'required',
    request: rotateRequest,
    answer: rotateAnswer,
    errors: ['forbidden'],
    summary: 'Replaces the keys of the device. Safe to repeat.',
  },
  status: {
    method: 'POST',
    path: '/v1/status',
    signed: 'required',
    request: statusRequest,
    answer: statusAnswer,
    summary: 'What the device runs, what it refused (NACK), how its queue stands.',
  },
  audit: {
    method: 'POST',
    path: '/v1/audit',
    signed: 'required',
    request: auditBatch,
    answer: auditAnswer,
    errors: ['behind', 'fork', 'row'],
    summary: 'Stores a batch of audit rows exactly once. Safe to repeat.',
  },
  bindStart: {
    method: 'POST',
    path: '/v1/bind/start',
    signed: 'required',
    request: bindStartRequest,
    answer: bindStartAnswer,
    errors: ['missing', 'sign-in'],
    summary: 'Where the browser of the person at the device signs in.',
  },
  bind: {
    method: 'POST',
    path: '/v1/bind',
    signed: 'required',
    request: bindRequest,
    answer: bindAnswer,
    errors: ['missing', 'sign-in'],
    summary: 'Ties the person who signed in to the device.',
  },
  fresh: {
    method: 'GET',
    path: '/v1/o/{org}/r/{ring}/fresh',
    signed: 'optional',
    answer: 'signed-object',
    errors: ['missing'],
    summary: 'The freshness document of a ring. ETag and If-None-Match; a cache may keep it 15 seconds.',
  },
  root: {
    method: 'GET',
    path: '/v1/o/{org}/root/{n}',
    signed: 'optional',
    answer: 'signed-object',
    errors: ['missing'],
    summary: 'One root of the chain. Never changes.',
  },
  bundle: {
    method: 'GET',
    path: '/v1/o/{org}/b/{sha256}',
    signed: 'optional',
    answer: 'zstd',
    errors: ['missing'],
    summary: 'A bundle, by the SHA-256 of these bytes. Never changes.',
  },
  secrets: {
    method: 'GET',
    path: '/v1/secrets',
    signed: 'required',
    answer: 'jwe',
    errors: ['missing'],
    summary: 'The secrets envelope of this device. ETag and If-None-Match.',
  },
  stream: {
    method: 'GET',
    path: '/v1/stream',
    signed: 'required',
    answer: 'event-stream',
    summary: 'Server-sent events: nudges to look at the freshness document. A comment every 30 seconds.',
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
