// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../contract/config.ts';
import type { Floors } from '../../contract/sync/managed.ts';
import { effectiveValues } from './effective.ts';
import { applyFloors } from './management.ts';

type Audit = NonNullable<Config['audit']>;
type AuditFloor = NonNullable<Floors['audit']>;

test('the stricter of both holds, whoever said it', () => {
  const table: readonly (readonly [said: Audit | undefined, floor: AuditFloor, holds: Audit])[] = [
    [undefined, {}, { level: 'standard', on_full: 'degrade', retention_days: 90 }],
    [{ level: 'relaxed' }, { level: 'standard' }, { level: 'standard', on_full: 'degrade', retention_days: 90 }],
    [{ level: 'strict' }, { level: 'standard' }, { level: 'strict', on_full: 'degrade', retention_days: 90 }],
    [{ level: 'relaxed' }, { level: 'relaxed' }, { level: 'relaxed', on_full: 'degrade', retention_days: 90 }],
    [undefined, { level: 'strict' }, { level: 'strict', on_full: 'degrade', retention_days: 90 }],
    [undefined, { level: 'relaxed' }, { level: 'standard', on_full: 'degrade', retention_days: 90 }],
    [{ on_full: 'drop-oldest' }, { on_full: 'block' }, { level: 'standard', on_full: 'block', retention_days: 90 }],
    [{ retention_days: 7 }, { retention_days: 30 }, { level: 'standard', on_full: 'degrade', retention_days: 30 }],
    [{ retention_days: 365 }, { retention_days: 30 }, { level: 'standard', on_full: 'degrade', retention_days: 365 }],
    [undefined, { retention_days: 30 }, { level: 'standard', on_full: 'degrade', retention_days: 90 }],
    [{ cap_mb: 64 }, {}, { cap_mb: 64, level: 'standard', on_full: 'degrade', retention_days: 90 }],
  ];
  for (const [said, audit, holds] of table) {
    const config: Config = said === undefined ? {} : { audit: said };
    assert.deepEqual(applyFloors(config, { audit }).audit, holds, JSON.stringify([said, audit]));
  }
});

test('hosts stay blocked before all rules, models denied beside all others', () => {
  const config: Config = {
    hosts: [{ host: 'a.example', action: 'tunnel' }],
    models: { allow: ['*'], deny: ['x'] },
  };
  const floors: Floors = { block_hosts: ['a.example'], deny_models: ['y'] };
  assert.deepEqual(applyFloors(config, floors), {
    hosts: [
      { host: 'a.example', action: 'block' },
      { host: 'a.example', action: 'tunnel' },
    ],
    models: { allow: ['*'], deny: ['x', 'y'] },
  });
});

test('without floors a configuration stays as it is', () => {
  const config: Config = { audit: { level: 'relaxed' }, models: { deny: ['x'] } };
  assert.deepEqual(applyFloors(config, {}), config);
});

test('every value is told with who set it, and no key is shown', () => {
  const published: Config = {
    providers: [
      { name: 'a', type: 'openai', api_key: 'secret:key' },
      { name: 'b', type: 'openai', api_keys: [{ key: 'sk-shown-nowhere' }] },
      { name: 'c', type: 'bedrock', aws: { access_key_id: 'AKIA1', secret_access_key: 'shh' } },
    ],
    telemetry: { otlp: { endpoint: 'http://127.0.0.1:1', headers: { authorization: 'Bearer shh' } } },
    audit: { level: 'relaxed', retention_days: 400 },
    organisation: { grace_days: 3 },
    network: { connect_ports: [8080] },
    hosts: [
      {
        host: 'api.example.com',
        action: 'header',
        headers: {
          'x-api-key': 'shh',
          'X-Goog-Api-Key': 'shh',
          Authorization: 'shh',
          'my-token': 'shh',
          'x-team': 'blue',
        },
      },
    ],
  };
  const floors: Floors = {
    audit: { level: 'strict', retention_days: 30 },
    block_hosts: ['bad.example'],
    no_bypass: true,
  };
  const values = effectiveValues({ published, since: 5, floors, managedSince: 7 });
  const of = (path: string) =>
    values.filter((each) => each.path === path).map(({ value, source, scope, since }) => [value, source, scope, since]);
  assert.deepEqual(of('providers[0].api_key'), [['secret:key', 'policy', 'ring', 5]]);
  assert.deepEqual(of('audit.level'), [['strict', 'management', 'device', 7]]);
  assert.deepEqual(of('audit.retention_days'), [[400, 'policy', 'ring', 5]], 'the policy was stricter');
  assert.deepEqual(of('audit.on_full'), [['degrade', 'default', 'all', undefined]]);
  assert.deepEqual(of('managed.block_hosts[0]'), [['bad.example', 'management', 'device', 7]]);
  assert.deepEqual(of('managed.no_bypass'), [[true, 'management', 'device', 7]]);
  assert.deepEqual(of('organisation.grace_days'), [[3, 'policy', 'ring', 5]]);
  assert.deepEqual(of('organisation.on_expired'), [['enforce', 'default', 'all', undefined]]);
  assert.deepEqual(of('hosts[0].headers.x-team'), [['blue', 'policy', 'ring', 5]]);
  // A list replaces the whole of what nobody has set.
  const about = (start: string) => values.filter(({ path }) => path.startsWith(start)).map(({ value }) => value);
  assert.deepEqual(about('network.connect_ports'), [8080]);
  assert.deepEqual(of('network.allow_private'), [['(none)', 'default', 'all', undefined]]);
  assert.deepEqual(of('routing.breaker.failures'), [[3, 'default', 'all', undefined]]);
  assert.deepEqual(of('status_pages.enabled'), [[false, 'default', 'all', undefined]]);
  assert.deepEqual(of('telemetry.otlp.interval_ms'), [[15_000, 'default', 'all', undefined]]);
  const text = JSON.stringify(values);
  assert.ok(!text.includes('shh') && !text.includes('sk-shown') && !text.includes('AKIA1'));
  const paths = values.map(({ path }) => path);
  assert.deepEqual(paths, paths.toSorted());
});
