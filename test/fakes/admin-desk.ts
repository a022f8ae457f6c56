// SPDX-License-Identifier: Apache-2.0
// Somebody who uses `outpost-admin` on an organisation of the tests, without a process for each word.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { NewOrg } from '../../src/control-plane/orgs/create.ts';
import { type AdminInput, type AdminResult, adminHere } from './admin-command.ts';
import { openOrg, type TestOrg } from './control-plane-org.ts';

export interface Desk {
  readonly org: TestOrg;
  /** A folder for files, gone after the test. */
  readonly files: string;
  run(args: readonly string[], input?: AdminInput & { readonly isTTY?: boolean }): Promise<AdminResult>;
  /** On another machine, which has neither the database nor the key folder. */
  away(args: readonly string[]): Promise<AdminResult>;
  /** `run`; fails when the command does, and gives its JSON. */
  ok<T = Record<string, unknown>>(args: readonly string[], input?: AdminInput): Promise<T>;
  /** The same; fails when the command does not, and gives what it complained of. */
  refused(args: readonly string[], input?: AdminInput): Promise<string>;
}

export async function openDesk(url: string, test: TestContext, more: Partial<NewOrg> = {}): Promise<Desk> {
  const org = await openOrg(url, test, more);
  const files = mkdtempSync(join(tmpdir(), 'outpost-desk-'));
  test.after(() => rmSync(files, { recursive: true, force: true }));
  const run: Desk['run'] = async (args, { env = {}, ...input } = {}) =>
    await adminHere([...args, '--keys', org.folder], {
      ...input,
      clock: org.clock,
      env: { OUTPOST_DATABASE_URL: url, ...env },
    });
  return {
    org,
    files,
    run,
    away: async (args) => await adminHere(args, { clock: org.clock }),
    async ok<T>(args: readonly string[], input: AdminInput = {}) {
      const result = await run([...args, '--json'], input);
      assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}${result.stdout}`);
      return result.json<T>();
    },
    async refused(args, input = {}) {
      const result = await run(args, input);
      assert.equal(result.code, 1, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
      assert.equal(result.stdout, '');
      return result.stderr;
    },
  };
}
