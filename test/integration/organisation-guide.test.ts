// SPDX-License-Identifier: Apache-2.0
// What docs/organisation.md tells operators to type and to write is what the programs take.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { ADMIN_API, ADMIN_ENDPOINTS } from '../../src/contract/admin/endpoints.ts';
import { managedSettings } from '../../src/contract/sync/managed.ts';
import { orgSettings } from '../../src/control-plane/orgs/settings.ts';
import { checkBundle } from '../../src/control-plane/policies/check-bundle.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { linuxPlace } from '../../src/proxy/os/managed-settings/linux.ts';
import { adminHere } from '../fakes/admin-command.ts';

const ROOT = new URL('../../', import.meta.url);
const OTHERS: Readonly<Record<string, string>> = {
  'outpost-control-plane': 'src/control-plane/control-plane.mjs',
  outpost: 'src/proxy/outpost.mjs',
};
const GUIDES = ['docs/organisation.md', 'docs/exports.md'];

let text = '';
before(() => {
  text = GUIDES.map((name) => readFileSync(new URL(name, ROOT), 'utf8')).join('\n');
});

const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block ?? '');

async function helpOf(program: string, words: readonly string[]): Promise<string> {
  const asked = [...words, '--help'];
  if (program === 'outpost-admin') {
    const { code, stdout, stderr } = await adminHere(asked, { clock: systemClock });
    assert.equal(code, 0, stderr);
    return stdout;
  }
  const path = fileURLToPath(new URL(OTHERS[program] ?? assert.fail(program), ROOT));
  return execFileSync(process.execPath, [path, ...asked], { encoding: 'utf8' });
}

test('every command of the guides exists, and has the options that they give it', async () => {
  const lines = blocks('sh')
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/ # .*| <.*| > .*/, '').trim())
    .filter((line) => line !== '');
  assert.ok(lines.length > 25, `found ${lines.length} commands`);
  for (const line of lines) {
    const [program = '', ...rest] = line.split(/\s+/);
    const verb = rest.slice(0, program === 'outpost' ? 1 : rest[0] === 'init' ? 1 : 2);
    const help = await helpOf(program, program === 'outpost-control-plane' ? [] : verb);
    for (const [option] of line.matchAll(/ --[a-z-]+/g))
      assert.ok(help.includes(`${option} `), `${line}: no ${option}`);
  }
});

test('the managed settings, the policy and the settings of the guide are valid', async () => {
  const [managed] = blocks('json');
  managedSettings.parse(
    JSON.parse(
      (managed ?? '').replace('root-1:5f0c…', `root-1:${'5f'.repeat(32)}`).replace('ote_…', `ote_${'A'.repeat(43)}`),
    ),
  );
  assert.ok(text.includes(linuxPlace().path));
  const [policy = '', settings = ''] = blocks('yaml');
  const checked = await checkBundle({ config: policy, files: {}, secrets: { openai: 'sk-1' } });
  assert.ok(checked.ok, JSON.stringify(checked));
  const { sign_in } = orgSettings.parse(parse(settings));
  assert.deepEqual(sign_in?.roles['ai-admins'], ['admin']);
});

test('the callback that the guide names is the one that is served', () => {
  assert.ok(text.includes(`${ADMIN_API}${ADMIN_ENDPOINTS.oidcCallback.path}`));
});
