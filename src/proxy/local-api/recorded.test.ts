// SPDX-License-Identifier: Apache-2.0
// The privacy view explains every field and shows rows unchanged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuditRow, rowBody } from '../../contract/audit-row.ts';
import { recordedView as schema } from '../../contract/local-api.ts';
import { FIELDS_OF_KIND } from '../../contract/recorded-fields.ts';
import { recordedView } from './recorded.ts';

const row: AuditRow = {
  v: 1,
  epoch: '0'.repeat(16),
  seq: 1,
  at: 5,
  prev: '0'.repeat(64),
  body: { kind: 'event', event: 'started', detail: { version: '1' } },
  hash: 'f'.repeat(64),
};

const facts = {
  level: 'standard',
  where: '/data/audit',
  rows: 1,
  bytes: 4_096,
  capBytes: 2 ** 29,
  retentionDays: undefined,
  oldestAt: undefined,
  newest: [row],
  platform: 'linux',
  organisation: undefined,
  telemetry: false,
} as const;

test('the table of fields is that of the row schemas', () => {
  const shapes = rowBody.options.map(({ shape: { kind, ...rest } }) => [kind.value, Object.keys(rest)]);
  assert.deepEqual(Object.entries(FIELDS_OF_KIND), shapes);
});

test('every field of every kind of row has a meaning in plain words', () => {
  const { fields } = recordedView(facts);
  assert.deepEqual(
    fields.filter((field) => field.meaning === ''),
    [],
  );
  assert.ok(fields.length > 40);
  assert.deepEqual(fields.find((field) => field.name === 'seq')?.kinds, []);
  assert.ok(fields.find((field) => field.name === 'model')?.kinds.includes('intent'));
});

test('rows come as the JSON of what is stored, and the whole fits the wire', () => {
  const view = recordedView({ ...facts, retentionDays: 30, oldestAt: 5 });
  assert.deepEqual(JSON.parse(view.newest[0] ?? ''), row);
  assert.deepEqual(schema.parse(view), view);
});

test('who can read it: the person alone, the organisation by its name, the collector that the rules name', () => {
  const alone = recordedView(facts);
  assert.deepEqual(
    [alone.leaves_device, alone.readers, alone.organisation],
    [false, ['you', 'local-admins'], undefined],
  );
  assert.doesNotMatch(alone.readable_by, /uploaded|collector/);
  const member = recordedView({ ...facts, organisation: 'acme' });
  assert.deepEqual(
    [member.leaves_device, member.readers, member.organisation],
    [true, ['you', 'local-admins', 'organisation'], 'acme'],
  );
  assert.match(member.readable_by, /uploaded to the control plane of acme/);
  const watched = recordedView({ ...facts, telemetry: true });
  assert.deepEqual([watched.leaves_device, watched.readers], [true, ['you', 'local-admins', 'telemetry']]);
  assert.match(watched.readable_by, /collector/);
  for (const view of [alone, member, watched]) assert.deepEqual(schema.parse(view), view);
});
