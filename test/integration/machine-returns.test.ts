// SPDX-License-Identifier: Apache-2.0
// The real `outpost enroll` at a real control plane, which knows the machine again.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { requestReenrolment, revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { machineId } from '../../src/proxy/os/machine-id/machine-id.ts';
import { runOutpost } from '../fakes/agent.ts';
import { TESTER } from '../fakes/control-plane.ts';
import { startLivePlane } from '../fakes/enrolled-agent.ts';
import { targetAt } from './enrol-kit.ts';

const known = machineId(process.platform, '/') !== undefined;
const skip = known ? false : 'this machine has nothing by which it could be known again';

test('a revoked machine that makes new keys is refused until an administrator lets it back in', { skip }, async (t) => {
  const plane = await startLivePlane();
  const folder = mkdtempSync(join(tmpdir(), 'outpost-returns-'));
  t.after(async () => {
    await plane.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { root } = await targetAt(plane);
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, plane.token, { mode: 0o600 });
  const enroll = (...more: readonly string[]) =>
    runOutpost([
      ...['enroll', plane.url, '--org', plane.org, '--root', root, '--token-file', tokenFile],
      ...['--data-dir', join(folder, 'data'), ...more],
    ]);
  const devices = async () =>
    await plane.ctx.db.query
      .selectFrom('device')
      .select(['id', 'state', 'replaces', 'serial'])
      .orderBy('enrolled')
      .execute();
  const first = await enroll();
  assert.equal(first.code, 0, first.stderr);
  const [device] = await devices();
  assert.equal(device?.serial, machineId(process.platform, join(folder, 'data')));
  await revokeDevice(plane.ctx, plane.org, device?.id ?? '', 'lost', TESTER);
  const back = await enroll('--new-keys');
  assert.notEqual(back.code, 0);
  assert.match(back.stderr, /was revoked\. An administrator .* `outpost-admin device reenroll`/);
  assert.equal((await devices()).length, 1);
  await requestReenrolment(plane.ctx, plane.org, device?.id ?? '', TESTER);
  const again = await enroll('--new-keys');
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(
    (await devices()).map(({ state, replaces }) => [state, replaces]),
    [
      ['replaced', null],
      ['active', device?.id],
    ],
  );
});
