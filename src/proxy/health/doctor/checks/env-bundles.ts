// SPDX-License-Identifier: Apache-2.0
// Do the variables that replace a tool's certificate list name a list that has the public certificates and ours? A file with
// ours alone cuts the tool off from everything else.

import { judgeBundle, readText } from '../certificates.ts';
import { type Check, type Finding, NO_ENVIRONMENT, worst } from '../check.ts';

/** Each replaces the list of the tools that read it. Source: the measured trust matrix, one row a client. */
const VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
  'CODEX_CA_CERTIFICATE',
] as const;

const FIX = 'Run `eval "$(outpost env)"`: it names a bundle that has both.';

/** Shared with the check of configuration files: `what` names the setting. */
export async function judgeReplacement(what: string, file: string, ourPem: string | undefined): Promise<Finding> {
  switch (await judgeBundle(file, ourPem)) {
    case 'complete':
      return { status: 'ok', summary: '' };
    case 'ours-only':
      return {
        status: 'fail',
        summary: `${what} names ${file}, which has only Outpost’s certificate: its tools reach no other site.`,
        fix: FIX,
      };
    case 'without-ours':
      return { status: 'warn', summary: `${what} names ${file}, which does not have Outpost’s certificate.`, fix: FIX };
    default:
      return { status: 'fail', summary: `${what} names ${file}, which has no readable certificate.`, fix: FIX };
  }
}

function checkVerification(env: Readonly<Record<string, string | undefined>>): Finding {
  const off = [
    ...(/^(1|true|yes|on)$/i.test(env['GIT_SSL_NO_VERIFY'] ?? '') ? ['GIT_SSL_NO_VERIFY'] : []),
    ...(env['PYTHONHTTPSVERIFY'] === '0' ? ['PYTHONHTTPSVERIFY=0'] : []),
  ];
  if (off.length === 0) return { status: 'ok', summary: '' };
  return {
    status: 'fail',
    summary: `${off.join(' and ')} switches certificate checks off.`,
    fix: `Unset ${off.join(' and ')}.`,
  };
}

export const envBundlesCheck: Check = {
  name: 'env-ca-bundles',
  async run({ env, caPath }) {
    if (env === undefined) return NO_ENVIRONMENT;
    const ourPem = await readText(caPath);
    const set = VARIABLES.flatMap((name) => {
      const file = env[name];
      return file === undefined || file === '' ? [] : [{ name, file }];
    });
    const findings = await Promise.all(set.map(({ name, file }) => judgeReplacement(name, file, ourPem)));
    return worst([checkVerification(env), ...findings], {
      status: 'ok',
      summary:
        set.length === 0
          ? 'No variable replaces a tool’s list of certificates.'
          : 'The certificate bundles of this terminal’s tools have the public certificates and Outpost’s.',
    });
  },
};
