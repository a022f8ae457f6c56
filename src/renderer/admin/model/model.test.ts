// SPDX-License-Identifier: Apache-2.0
// The admin page's decisions without a browser: addresses, filters, pages, places in texts, bars, words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALARMS } from '../../../contract/alarms.ts';
import { addressOf, queryText } from '../client/address.ts';
import { AdminFailure } from '../client/admin-client.ts';
import { CHART, chartOf, roundUp } from './chart.ts';
import { describeFailure, sentence } from './failure.ts';
import { alarmsQuery, auditQuery, DEVICE_FILTERS, devicesQuery, isFiltered, logQuery } from './filters.ts';
import { createAdminFormat, fromLocalField, toLocalField } from './format.ts';
import { createPager } from './pager.ts';
import { pretty } from './pretty.ts';
import { hashOf, routeOf, VIEWS, type View } from './route.ts';
import { severityOf } from './severity.ts';
import { personIn, wordOf } from './words.ts';

const FIRST = { after: undefined, limit: 50 };

test('addresses and views belong together; unknown ones lead to the overview', () => {
  for (const view of Object.keys(VIEWS) as View[]) assert.equal(routeOf(hashOf(view)).view, view);
  for (const hash of ['', '#', '#main', '#/nothing', '#/__proto__', '#/toString', '#/devices/%']) {
    assert.deepEqual(routeOf(hash), { view: 'overview', rest: [], query: {} }, hash);
  }
});

test('an address carries what is chosen and asked for, whatever signs are in it', () => {
  const query = { search: 'a&b=c #?', app: 'Ümläut/%' };
  assert.deepEqual(routeOf(hashOf('devices', ['d/1?x'], query)), { view: 'devices', rest: ['d/1?x'], query });
  assert.equal(hashOf('audit', [], { app: '', model: 'gpt-*' }), '#/audit?model=gpt-*');
  assert.equal(hashOf('policies', [12, 'diff']), '#/policies/12/diff');
});

test('a filter asks for what is known, trimmed, and for nothing that is empty', () => {
  const query = { search: ' ada ', platform: '', app: 'claude-code', sort: 'last_seen', refusing: 'true', evil: 'x' };
  assert.deepEqual(devicesQuery(query, { after: 'c', limit: 20 }), {
    limit: 20,
    search: 'ada',
    app: 'claude-code',
    sort: 'last_seen',
    refusing: 'true',
    after: 'c',
  });
});

test('a value that is none of a list is not asked for', () => {
  const asked = devicesQuery({ state: 'gone', sort: 'name', refusing: 'false' }, FIRST);
  assert.deepEqual(asked, { limit: 50 });
  assert.deepEqual(alarmsQuery({}, FIRST), { limit: 50, state: 'open' });
  assert.deepEqual(alarmsQuery({ state: 'all' }, FIRST), { limit: 50 });
  assert.deepEqual(alarmsQuery({ state: 'closed' }, { after: 'x', limit: 1 }), {
    limit: 1,
    state: 'closed',
    after: 'x',
  });
});

test('numbers of a filter are numbers, or left out', () => {
  assert.deepEqual(auditQuery({ id: '42', from: '1900000000000', to: 'tomorrow', model: 'gpt-*' }, FIRST), {
    limit: 50,
    id: 42,
    from: 1_900_000_000_000,
    model: 'gpt-*',
  });
  assert.deepEqual(logQuery({ from: '-1', to: '99999999999999999', actor: 'user:ada' }, FIRST), {
    limit: 50,
    actor: 'user:ada',
  });
});

test('an order alone is no filter', () => {
  assert.equal(isFiltered(DEVICE_FILTERS, { sort: 'last_seen', search: ' ' }), false);
  assert.equal(isFiltered(DEVICE_FILTERS, { state: 'revoked' }), true);
});

test('an endpoint’s address has its parts encoded and no empty question', () => {
  assert.equal(addressOf('revokeToken', { id: 'a/b?c' }), '/admin/api/v1/tokens/a%2Fb%3Fc/revoke');
  assert.equal(
    addressOf('auditExport', { query: { app: 'a&b', from: 0 } }),
    '/admin/api/v1/audit/export?app=a%26b&from=0',
  );
  assert.equal(queryText({ a: undefined, b: '' }), '');
});

test('pages are turned forth and back by cursors', () => {
  const pager = createPager();
  const now = () => [pager.cursor.value, pager.number.value];
  assert.deepEqual(now(), [undefined, 1]);
  pager.back();
  assert.deepEqual(now(), [undefined, 1]);
  pager.next('b');
  pager.next('c');
  assert.deepEqual(now(), ['c', 3]);
  pager.back();
  assert.deepEqual(now(), ['b', 2]);
  pager.first();
  assert.deepEqual(now(), [undefined, 1]);
});

test('bars stand on the floor, are as high as their calls, and the refused ones are at the bottom', () => {
  const { bars, ticks } = chartOf([
    { at: 0, calls: 100, refused: 25 },
    { at: 1, calls: 0, refused: 0 },
    { at: 2, calls: 10, refused: 99 },
  ]);
  const floor = CHART.height - CHART.bottom;
  const [full, none, odd] = bars;
  assert.ok(full !== undefined && none !== undefined && odd !== undefined);
  assert.equal(full.allowed.y, CHART.top);
  assert.equal(full.refused.y + full.refused.height, floor);
  assert.equal(full.allowed.y + full.allowed.height, full.refused.y);
  assert.equal(full.refused.height * 3, full.allowed.height);
  assert.deepEqual([none.allowed.height, none.refused.height], [0, 0]);
  assert.equal(odd.allowed.height, 0, 'more refusals than calls are all of the calls');
  assert.deepEqual(
    ticks.map(({ value }) => value),
    [0, 50, 100],
  );
  assert.ok(full.x < none.x && odd.x + odd.width <= CHART.width);
  assert.deepEqual(chartOf([]).bars, []);
});

test('an axis ends at a number that people count in', () => {
  assert.deepEqual([0, 4, 5, 11, 37, 100, 4_321, 60_000].map(roundUp), [4, 4, 5, 20, 50, 100, 5_000, 100_000]);
});

test('times are told in UTC, by distance, and survive a clock that is out of its mind', () => {
  const format = createAdminFormat('en-GB', 'UTC');
  const noon = Date.UTC(2030, 0, 2, 12, 30, 5);
  assert.equal(format.utc(noon), '2030-01-02 12:30:05 UTC');
  assert.equal(format.ago(noon - 3 * 60_000, noon), '3 minutes ago');
  assert.equal(format.ago(noon + 26 * 3_600_000, noon), 'tomorrow');
  assert.equal(format.ago(noon - 5_000, noon), 'this minute');
  assert.equal(format.percent(0.125), '12.5%');
  for (const at of [9e15, -9e15]) {
    assert.match(format.utc(at), /UTC$/);
    assert.notEqual(format.time(at, noon), '');
  }
});

test('a time survives its field to the minute; what is no time is none', () => {
  const at = new Date(2030, 4, 6, 9, 7).getTime();
  assert.equal(toLocalField(at), '2030-05-06T09:07');
  assert.equal(fromLocalField(toLocalField(at)), at);
  for (const text of ['', 'soon', '2030-13-01T00:00', '1200-01-01T00:00'])
    assert.equal(fromLocalField(text), undefined);
});

test('a failure says what is known: whether something was changed is not, when nobody answered', () => {
  assert.match(describeFailure(new AdminFailure('network'), true).text, /not known whether this was done/);
  assert.doesNotMatch(describeFailure(new AdminFailure('network'), false).text, /not known/);
  assert.deepEqual(describeFailure(new AdminFailure('conflict', 'version 3 is active'), true), {
    title: 'Not possible now.',
    text: 'Version 3 is active.',
  });
  assert.equal(describeFailure(new AdminFailure('rate', 'x', [], 1), true).text, 'Wait 1 second, then try again.');
  assert.equal(describeFailure(new AdminFailure('rate', 'too many'), true).text, 'Too many.');
});

test('the server’s words become sentences', () => {
  assert.deepEqual(['', 'the end', 'Why?', 'ünlike'].map(sentence), ['', 'The end.', 'Why?', 'Ünlike.']);
});

test('JSON is broken into lines; anything else stays as it is', () => {
  assert.equal(pretty('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(pretty('{"a":'), '{"a":');
});

test('what this page does not know is shown as the server names it', () => {
  assert.equal(wordOf({ fresh: 'Fresh' }, 'fresh'), 'Fresh');
  assert.equal(wordOf({ fresh: 'Fresh' }, 'toString'), 'toString');
  assert.equal(personIn('user:ada'), 'ada');
  assert.equal(personIn('system'), 'system');
});

test('an alarm is as serious as the catalogue says, and an unknown one as the most', () => {
  for (const [kind, { severity }] of Object.entries(ALARMS)) assert.equal(severityOf(kind), severity);
  assert.equal(severityOf('hasOwnProperty'), 'high');
});
