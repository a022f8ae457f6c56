// SPDX-License-Identifier: Apache-2.0
// npm and pip can name a certificate file in their own settings, which overrides every variable. Of those settings only the one
// line is looked at: the files may hold credentials.

import { isAbsolute, join } from 'node:path';
import { readText } from '../certificates.ts';
import { type Check, type DoctorContext, type Finding, worst } from '../check.ts';
import { judgeReplacement } from './env-bundles.ts';

interface Setting {
  /** How messages name it. */
  readonly what: string;
  readonly files: readonly string[];
  readonly key: RegExp;
}

function settings({ home, platform, env = {} }: DoctorContext): readonly Setting[] {
  const pip = [
    join(home, '.pip', 'pip.conf'),
    join(home, '.config', 'pip', 'pip.conf'),
    ...(platform === 'darwin' ? [join(home, 'Library', 'Application Support', 'pip', 'pip.conf')] : []),
    ...(platform === 'win32' ? [join(home, 'AppData', 'Roaming', 'pip', 'pip.ini')] : []),
  ];
  return [
    {
      what: 'npm’s cafile',
      files: [env['NPM_CONFIG_USERCONFIG'] || join(home, '.npmrc')],
      key: /^cafile\s*=\s*(.+)$/m,
    },
    { what: 'pip’s cert', files: env['PIP_CONFIG_FILE'] ? [env['PIP_CONFIG_FILE']] : pip, key: /^cert\s*=\s*(.+)$/m },
  ];
}

function expand(value: string, { home, env = {} }: DoctorContext): string {
  const bare = value.trim().replace(/^(["'])(.*)\1$/, '$2');
  const filled = bare.replace(/\$\{(\w+)\}/g, (_, name: string) => (name === 'HOME' ? home : (env[name] ?? '')));
  const path = filled.startsWith('~/') ? join(home, filled.slice(2)) : filled;
  return isAbsolute(path) ? path : join(home, path);
}

export const toolFilesCheck: Check = {
  name: 'tool-files',
  async run(context) {
    const ourPem = await readText(context.caPath);
    const found: Promise<Finding>[] = [];
    for (const { what, files, key } of settings(context)) {
      for (const file of files) {
        const value = key.exec((await readText(file)) ?? '')?.[1];
        if (value !== undefined) found.push(judgeReplacement(`${what} (${file})`, expand(value, context), ourPem));
      }
    }
    // npm and pip do not speak to AI services: a company's own list without our certificate is right for them.
    const findings = (await Promise.all(found)).filter((finding) => finding.status !== 'warn');
    return worst(findings, { status: 'ok', summary: 'The settings of npm and pip do not get in the way.' });
  },
};
