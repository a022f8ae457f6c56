// SPDX-License-Identifier: Apache-2.0
// Do Node programs of this terminal use the proxy, trust our certificate, and verify at all?

import { judgeBundle, readText } from '../certificates.ts';
import { type Check, type DoctorContext, type Finding, NO_ENVIRONMENT, worst } from '../check.ts';
import { httpsProxyOf } from './env-proxy.ts';

type Env = Readonly<Record<string, string | undefined>>;

const FIX = 'Run `eval "$(outpost env)"`, or `outpost env --tool node`.';
const FINE: Finding = { status: 'ok', summary: '' };

function checkVerification(env: Env): Finding {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return FINE;
  return {
    status: 'fail',
    summary: 'NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off in every Node program.',
    fix: 'Unset it; NODE_EXTRA_CA_CERTS is what is needed instead.',
  };
}

function checkProxyUse(env: Env): Finding {
  const isOn = env['NODE_USE_ENV_PROXY'] === '1' || (env['NODE_OPTIONS'] ?? '').includes('--use-env-proxy');
  if (httpsProxyOf(env) === undefined || isOn) return FINE;
  return { status: 'warn', summary: 'NODE_USE_ENV_PROXY is not 1: Node programs ignore HTTPS_PROXY.', fix: FIX };
}

async function checkCertificates({ caPath }: DoctorContext, env: Env): Promise<Finding> {
  const file = env['NODE_EXTRA_CA_CERTS'];
  if (file === undefined || file === '') {
    const usesSystem = env['NODE_USE_SYSTEM_CA'] === '1' || (env['NODE_OPTIONS'] ?? '').includes('--use-system-ca');
    if (httpsProxyOf(env) === undefined || usesSystem) return FINE;
    return {
      status: 'warn',
      summary: 'NODE_EXTRA_CA_CERTS is not set: Node programs refuse Outpost’s certificate.',
      fix: FIX,
    };
  }
  // It adds to Node's own list, so a file with our certificate alone is right.
  const kind = await judgeBundle(file, await readText(caPath));
  if (kind === 'complete' || kind === 'ours-only') return FINE;
  if (kind === 'without-ours')
    return { status: 'warn', summary: `NODE_EXTRA_CA_CERTS (${file}) does not have Outpost’s certificate.`, fix: FIX };
  return { status: 'fail', summary: `NODE_EXTRA_CA_CERTS names ${file}, which has no readable certificate.`, fix: FIX };
}

export const envNodeCheck: Check = {
  name: 'env-node',
  async run(context) {
    const { env } = context;
    if (env === undefined) return NO_ENVIRONMENT;
    return worst([checkVerification(env), checkProxyUse(env), await checkCertificates(context, env)], {
      status: 'ok',
      summary: 'Node programs verify certificates and find what they need.',
    });
  },
};
