// SPDX-License-Identifier: Apache-2.0
// Every code of every catalogue has German words, they say all that the English ones say, and hostile particulars spoil nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../contract/errors.ts';
import { healthItemOf, WARNINGS, type Warning, type WarningArgs, type WarningCode } from '../../contract/health.ts';
import type { HealthItem } from '../../contract/local-api.ts';
import { FIELDS_OF_KIND, RECORDED_FIELDS } from '../../contract/recorded-fields.ts';
import { EN } from '../en/en.ts';
import { DE } from './de.ts';

const AT = Date.UTC(2030, 4, 6, 9, 0);

/** Each code with two sets of particulars that differ in every one of them. A new code is an error here until it has some. */
const SAMPLES: { readonly [C in WarningCode]: readonly [WarningArgs<C>, WarningArgs<C>] } = {
  'ipv6-loopback-missing': [{}, {}],
  'ca-not-trusted': [{}, {}],
  offline: [{}, {}],
  'providers-out': [{ providers: ['one', 'two'] }, { providers: ['three'] }],
  'audit-down': [{ reason: 'EIO' }, { reason: 'EROFS' }],
  'audit-full': [{ reason: 'cap' }, { reason: 'disk' }],
  'audit-degraded': [{ reason: 'slow' }, { reason: 'behind' }],
  'disk-low': [{ freeBytes: 2 ** 27 }, { freeBytes: 2 ** 25 }],
  'clock-off': [{ seconds: 90 }, { seconds: 120 }],
  'config-rejected': [
    { file: 'a.yaml', line: 3, column: 5, message: 'no such key' },
    { file: 'b.yaml', line: 4, column: 6, message: 'bad value' },
  ],
  'pinned-client': [
    { app: 'Editor', host: 'a.example' },
    { app: 'Script', host: 'b.example' },
  ],
  'gateway-token-required': [{}, {}],
  'managed-settings-ignored': [
    { path: '/a', message: 'no such key', line: 3, column: 5, inDoubt: false },
    { path: '/b', message: 'bad value', line: 4, column: 6, inDoubt: true },
  ],
  'not-enrolled': [{ text: 'No token' }, { text: 'No network' }],
  'keys-in-clear': [{ store: 'the keychain' }, { store: 'the TPM' }],
  'policy-waiting': [{}, {}],
  'policy-stale': [{ since: AT }, { since: AT + 86_400_000 }],
  'policy-expired': [{ since: AT }, { since: AT + 86_400_000 }],
  'policy-rolled-back': [{}, {}],
  'policy-refused': [
    { version: 7, line: 3, column: 5, message: 'no such key' },
    { version: 8, line: 4, column: 6, message: 'bad value' },
  ],
  'device-revoked': [{}, {}],
  'reenrol-needed': [{}, {}],
  'agent-outdated': [{ wanted: '1.2.0' }, { wanted: '1.3.0' }],
  'order-in-force': [
    { level: 'bypass', reason: 'outage' },
    { level: 'block-all-ai', reason: 'incident' },
  ],
  'override-in-force': [{ until: AT }, { until: AT + 86_400_000 }],
  'upload-behind': [
    { since: AT, reason: 'ECONNREFUSED' },
    { since: AT + 86_400_000, reason: 'ETIMEDOUT' },
  ],
  'upload-stopped': [
    { epoch: 'aa', reason: 'gap' },
    { epoch: 'bb', reason: 'fork' },
  ],
  'daemon-restarted': [
    { at: AT, times: 2 },
    { at: AT + 86_400_000, times: 3 },
  ],
  'daemon-down': [{ reason: 'exit 1' }, { reason: 'exit 2' }],
  'window-failed': [{ reason: 'crashed' }, { reason: 'oom' }],
};

const CODES = Object.keys(WARNINGS) as WarningCode[];
const itemOf = (code: WarningCode, args: object): HealthItem => healthItemOf({ code, args } as Warning, AT);

test('every warning is worded in German, and no part of it stays English', () => {
  for (const code of CODES) {
    for (const args of SAMPLES[code]) {
      const item = itemOf(code, args);
      const german = DE.daemon.health(item);
      for (const part of ['title', 'text', 'fix'] as const) {
        assert.notEqual(german[part], item[part], `${code}: ${part}`);
        assert.ok(german[part].length > 5, `${code}: ${part}`);
      }
    }
  }
});

test('the German text says whatever the English one says of its particulars', () => {
  for (const code of CODES) {
    const [args, others] = SAMPLES[code];
    for (const name of Object.keys(args)) {
      const before = itemOf(code, args);
      const after = itemOf(code, { ...args, [name]: (others as Record<string, unknown>)[name] });
      assert.notEqual(before.text, after.text, `${code}: the sample of ${name} changes nothing`);
      assert.notEqual(DE.daemon.health(before).text, DE.daemon.health(after).text, `${code}: ${name}`);
    }
  }
});

test('commands and names of files are the same in both languages', () => {
  const code = (text: string) => [...text.matchAll(/`[^`]*`/g)].map(([found]) => found).sort();
  for (const name of CODES) {
    const item = itemOf(name, SAMPLES[name][0]);
    const german = DE.daemon.health(item);
    assert.deepEqual(code(german.text + german.fix), code(item.text + item.fix), name);
  }
});

test('a particular that is missing, of another type or no time leaves the text as it came', () => {
  for (const code of CODES) {
    const item = itemOf(code, SAMPLES[code][0]);
    for (const name of Object.keys(item.args)) {
      const { [name]: _, ...without } = item.args;
      const wrong = typeof item.args[name] === 'string' ? 7 : 'seven';
      for (const args of [without, { ...item.args, [name]: wrong }])
        assert.equal(DE.daemon.health({ ...item, args }).text, item.text, `${code}: ${name}`);
    }
  }
  for (const since of [1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
    const item = { ...itemOf('policy-stale', { since: AT }), args: { since } };
    assert.equal(DE.daemon.health(item).text, item.text);
  }
});

test('an unknown code is shown as it came, be it called as it may', () => {
  const item = itemOf('offline', {});
  for (const code of ['from-the-future', 'constructor', '__proto__', 'toString']) {
    const { title, text, fix } = DE.daemon.health({ ...item, code });
    assert.deepEqual({ title, text, fix }, { title: item.title, text: item.text, fix: item.fix });
    assert.equal(DE.daemon.error(code), undefined);
    assert.equal(DE.daemon.field(code, 'meaning'), 'meaning');
  }
});

test('every error and every field of a row has German words of its own', () => {
  for (const [code, { user }] of Object.entries(ERRORS)) {
    const german = DE.daemon.error(code);
    assert.ok(german !== undefined && german !== user, code);
  }
  for (const [name, meaning] of Object.entries(RECORDED_FIELDS)) {
    const german = DE.daemon.field(name, meaning);
    assert.ok(german !== meaning && german.length > 5, name);
  }
});

test('why a call was allowed or blocked is told in both languages', () => {
  const call = { id: 'r', at: AT, decision: 'allowed', result: 'complete' } as const;
  const reason = 'No rule forbids it.';
  assert.equal(EN.daemon.reason({ call, decision: { reason } }), reason);
  const german = (decision: object, part: object = {}) =>
    DE.daemon.reason({ call: { ...call, ...part }, decision: { reason, ...decision } });
  assert.equal(german({ policy: 'c0ffee' }), 'Keine Regel verbietet ihn.');
  assert.equal(german({ policy: 'c0ffee', rule: 'apps[0]' }), 'Die Regel apps[0] erlaubt ihn.');
  assert.equal(german({ policy: 'c0ffee', rule: 'cheap' }), 'Keine Regel verbietet ihn; „cheap“ hat entschieden.');
  assert.equal(german({}), 'Das Protokoll hat den Anfang dieses Aufrufs nicht mehr.');
  const blocked = { decision: 'blocked', result: 'refused', error: 'OUT_BLOCKED_MODEL' };
  assert.equal(german({ rule: 'models.deny[0]' }, blocked), 'Ihre Organisation erlaubt dieses Modell nicht.');
  assert.equal(german({}, { ...blocked, error: 'OUT_FROM_THE_FUTURE' }), reason);
});

test('each kind of row is named in both languages', () => {
  for (const kind of Object.keys(FIELDS_OF_KIND)) {
    const names = [EN, DE].map(({ recorded }) => recorded.kinds[kind]);
    assert.ok(names.every((name) => name !== undefined) && names[0] !== names[1], kind);
  }
});

test('no time in a warning is left in UTC, in either language', () => {
  for (const code of CODES) {
    const item = itemOf(code, SAMPLES[code][0]);
    for (const { daemon } of [EN, DE]) assert.doesNotMatch(daemon.health(item).text, /\d{4}-\d\d-\d\dT/, code);
  }
  for (const since of [1e300, Number.NaN, 'x'])
    assert.equal(EN.daemon.health({ ...itemOf('policy-stale', { since: AT }), args: { since } }).text.length > 9, true);
});
