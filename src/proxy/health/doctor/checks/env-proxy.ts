// SPDX-License-Identifier: Apache-2.0
// Where do the proxy variables of this terminal lead? A variable that names a dead port takes every tool offline.

import { type Check, type DoctorContext, type Finding, NO_ENVIRONMENT, worst } from '../check.ts';

const FIX = 'Run `eval "$(outpost env)"`, or `outpost env --tool NAME` for one tool.';
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export function httpsProxyOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env['https_proxy'] || env['HTTPS_PROXY'] || undefined;
}

/** Host and port only: user info in a proxy's address is a secret. */
function place(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

function isOurs(url: URL, { daemon }: DoctorContext): boolean {
  return daemon !== undefined && LOOPBACK.has(url.hostname) && url.port === new URL(daemon.proxyUrl).port;
}

function checkExceptions(env: Readonly<Record<string, string | undefined>>): Finding {
  const names = (env['no_proxy'] || env['NO_PROXY'] || '').split(',').map((name) => name.trim());
  const missing = ['localhost', '127.0.0.1'].filter((name) => !names.includes(name) && !names.includes('*'));
  if (missing.length === 0) return { status: 'ok', summary: '' };
  return {
    status: 'warn',
    summary: `NO_PROXY does not name ${missing.join(' and ')}: servers on this machine would be asked through the proxy.`,
    fix: FIX,
  };
}

async function checkTarget(context: DoctorContext, value: string, signal: AbortSignal): Promise<Finding> {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol))
    return { status: 'fail', summary: 'HTTPS_PROXY is not an address that begins with http://.', fix: FIX };
  const url = new URL(value);
  if (isOurs(url, context)) return { status: 'ok', summary: '' };
  if (!LOOPBACK.has(url.hostname))
    return { status: 'warn', summary: `HTTPS_PROXY leads to ${place(url)}, past Outpost.`, fix: FIX };
  if ((await context.net.tcp(url.hostname.replace(/[[\]]/g, ''), Number(url.port || 80), signal)) === 'open')
    return {
      status: 'warn',
      summary: `HTTPS_PROXY leads to another program at ${place(url)}, past Outpost.`,
      fix: FIX,
    };
  return {
    status: 'fail',
    summary: `HTTPS_PROXY leads to ${place(url)}, where nothing listens: tools in this terminal are offline.`,
    fix: 'Start Outpost, or run `unset HTTPS_PROXY https_proxy`.',
  };
}

export const envProxyCheck: Check = {
  name: 'env-proxy',
  async run(context, signal) {
    const { env } = context;
    if (env === undefined) return NO_ENVIRONMENT;
    const value = httpsProxyOf(env);
    if (value === undefined)
      return {
        status: 'warn',
        summary: 'HTTPS_PROXY is not set: terminal tools do not go through Outpost unless they use a local base URL.',
        fix: FIX,
      };
    const [lower, upper] = [env['https_proxy'], env['HTTPS_PROXY']];
    const spellings: Finding =
      lower && upper && lower !== upper
        ? { status: 'warn', summary: 'https_proxy and HTTPS_PROXY differ; tools read one or the other.', fix: FIX }
        : { status: 'ok', summary: '' };
    return worst([await checkTarget(context, value, signal), spellings, checkExceptions(env)], {
      status: 'ok',
      summary: 'Terminal tools go through Outpost, and reach this machine’s own servers directly.',
    });
  },
};
