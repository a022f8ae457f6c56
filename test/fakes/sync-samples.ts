// SPDX-License-Identifier: Apache-2.0
// A good value of each message and object of outpost-sync/1, with all of its members. Nothing in it is signed by anybody.

import type { z } from 'zod';
import type * as messages from '../../src/contract/sync/messages.ts';
import type * as objects from '../../src/contract/sync/objects.ts';
import type { SealingJwk, SignedObject, SigningJwk } from '../../src/contract/sync/words.ts';

type Schemas = typeof messages & typeof objects;
type SchemaName = { [Name in keyof Schemas]: Schemas[Name] extends z.ZodType ? Name : never }[keyof Schemas];

const HASH = 'ab'.repeat(32);
const EPOCH = '0123456789abcdef';
const DEVICE = `d-${'0f'.repeat(16)}`;
const KEY_ID = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';
const X = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const NOW = 1_790_000_000_000;

const sign: SigningJwk = { kty: 'OKP', crv: 'Ed25519', x: X };
const seal: SealingJwk = { kty: 'OKP', crv: 'X25519', x: X };
const keys = { sign, seal };
const signed: SignedObject = {
  payload: 'e30',
  signatures: [{ protected: 'e30', signature: 'A'.repeat(86) }],
};

const facts: z.input<Schemas['deviceFacts']> = {
  name: 'laptop-1',
  os: { platform: 'linux', version: '6.1', arch: 'x64' },
  serial: 'C02X',
  agent: '0.4.0-rc.1',
};
const kill: z.input<Schemas['kill']> = {
  id: 'k-1',
  level: 'block-provider',
  target: 'openai',
  reason: 'Keys were lost.',
  issued: NOW,
  until: NOW + 3_600_000,
};
const fault: z.input<Schemas['policyFault']> = {
  message: 'must be a URL',
  line: 3,
  column: 5,
  at: 'providers[0].base_url',
};
const row: z.input<Schemas['batchRow']> = { seq: 1, at: NOW, hash: HASH, body: '{"kind":"epoch","reason":"first"}' };

export const SAMPLES: { readonly [Name in SchemaName]: z.input<Schemas[Name]> } = {
  discovery: { protocols: ['outpost-sync/1'], server: 'outpost 0.4.0', now: NOW },
  errorAnswer: {
    error: 'behind',
    message: 'Rows are missing.',
    now: NOW,
    ack: { seq: 0, hash: '0'.repeat(64) },
    seq: 7,
  },
  deviceFacts: facts,
  enrollRequest: { v: 1, org: 'acme', token: `ote_${'A'.repeat(43)}`, keys, facts },
  enrollAnswer: { device: DEVICE, org: 'acme', ring: 'r10', now: NOW, bind_user: true },
  rotateRequest: { v: 1, keys, proof: signed },
  rotateAnswer: { now: NOW, old_until: NOW },
  policyFault: fault,
  statusRequest: {
    v: 1,
    facts,
    active: { version: 3, sha256: HASH, since: NOW },
    freshness: 'fresh',
    candidate: { version: 4, sha256: HASH, errors: [fault] },
    ring: 'r10',
    root: 1,
    fresh_seq: 12,
    secrets: 2,
    kills: ['k-1'],
    override_until: NOW,
    queue: { epoch: EPOCH, seq: 12, rows: 3, bytes: 900, oldest: NOW, quarantined: 0 },
    clock_delta_ms: -12,
    coverage: { interception: 'on', warnings: ['ca-untrusted'] },
  },
  statusAnswer: { now: NOW, ring: 'r10', reenroll: false, user: { name: 'Ada', until: NOW } },
  batchRow: row,
  auditBatch: {
    v: 1,
    epoch: EPOCH,
    after: { seq: 4, hash: HASH },
    rows: [
      { ...row, seq: 5 },
      { ...row, seq: 6, body: null },
    ],
    lost: { from: 1, to: 4, reason: 'cap' },
  },
  auditAnswer: { ack: { epoch: EPOCH, seq: 6, hash: HASH }, receipt: signed },
  bindStartRequest: {
    v: 1,
    redirect_uri: 'http://127.0.0.1:49152/bound',
    code_challenge: 'A'.repeat(43),
    state: 'A'.repeat(22),
  },
  bindStartAnswer: { url: 'https://login.example.com/authorize?client_id=outpost' },
  bindRequest: { v: 1, state: 'A'.repeat(22), code: 'abc', code_verifier: 'A'.repeat(43) },
  bindAnswer: { user: 'Ada', groups: ['engineering'], until: NOW },
  nudge: { seq: 13, spread_s: 30 },
  rootPayload: {
    v: 1,
    org: 'acme',
    number: 1,
    issued: NOW,
    expires: NOW + 1,
    threshold: 1,
    keys: { root: [sign], policy: [sign], freshness: [sign], receipt: [sign] },
  },
  bypassPayload: { v: 1, org: 'acme', id: 'k-2', reason: 'A bad release.', issued: NOW, until: NOW + 1 },
  kill,
  freshPayload: {
    v: 1,
    org: 'acme',
    ring: 'r10',
    seq: 12,
    issued: NOW,
    expires: NOW + 86_400_000,
    root: 1,
    bundle: { version: 3, sha256: HASH, bytes: 1234 },
    secrets: 2,
    kill: [kill, { id: 'k-2', level: 'bypass', reason: '', issued: NOW, until: NOW, proof: signed }],
    next_poll_s: 60,
    min_agent: '0.3.0',
    revoked: ['0123456789abcdef'],
  },
  bundlePayload: {
    v: 1,
    org: 'acme',
    version: 3,
    created: NOW,
    ignorable: ['routes'],
    config: 'providers: []\n',
    files: { 'catalogue.yaml': 'models: []\n' },
  },
  secretsPayload: {
    v: 1,
    org: 'acme',
    device: DEVICE,
    number: 2,
    issued: NOW,
    values: { openai: 'sk-example' },
    override_key: X,
  },
  receiptPayload: { v: 1, org: 'acme', device: DEVICE, epoch: EPOCH, seq: 6, hash: HASH, at: NOW },
  rotatePayload: { v: 1, device: DEVICE, from: KEY_ID, issued: NOW },
};
