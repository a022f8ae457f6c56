// SPDX-License-Identifier: Apache-2.0
// `npm start` as a person sees it who opens the admin page that it names: signs in with the password of this once, chooses one, and finds
// the device and the calls of the demonstration.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { heading, NEEDS_BROWSER, startBrowser } from '../fakes/admin-browser.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));

test('the demonstration’s calls are seen in the admin page that it names', NEEDS_BROWSER, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-demo-page-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, TMPDIR: folder } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('Ctrl-C ends it.')) resolve();
      });
    }
    void ended.then(() => reject(new Error(text)));
  });
  const [, address = '', name = '', first = ''] =
    /admin page +(\S+)\n +sign in as (\S+), password (\S+)/.exec(text) ?? assert.fail(text);
  const calls = [...text.matchAll(/request (req_\S+),/g)].map(([, id]) => id ?? '');
  assert.equal(calls.length, 4);
  const device = /enrolled as (\S+),/.exec(text)?.[1] ?? assert.fail(text);

  const browser = await startBrowser();
  t.after(() => browser.close());
  const { page, complaints } = await browser.open(address);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(first);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Present password').fill(first);
  await page.getByLabel('New password', { exact: true }).fill('a password of my own');
  await page.getByLabel('New password again').fill('a password of my own');
  await page.getByRole('button', { name: 'Change password' }).click();
  await heading(page, 'Overview').waitFor();

  await page.goto(`${address}#/devices/${device}`);
  await page.getByText(device).first().waitFor();
  for (const call of calls) {
    // A fresh document: what it shows is of this search, and not of the one before.
    await page.goto('about:blank');
    await page.goto(`${address}#/audit?request=${call}`);
    await page
      .getByRole('button', { name: /show all of it/ })
      .first()
      .click();
    await page.getByRole('region', { name: 'The whole row' }).getByText(call, { exact: true }).waitFor();
  }
  assert.deepEqual(complaints, []);

  child.kill('SIGINT');
  assert.equal(await ended, 0);
  assert.deepEqual(readdirSync(folder), []);
});
