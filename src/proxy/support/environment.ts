// SPDX-License-Identifier: Apache-2.0
// The environment variables that decide where a terminal's tools go: their names, and of their values only where they lead. Pure.

import type { Clean } from './clean.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values are addresses. */
const ADDRESSES = [
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'ALL_PROXY',
  'all_proxy',
  'ANTHROPIC_BASE_URL',
  'GOOGLE_GEMINI_BASE_URL',
  'GROQ_BASE_URL',
  'OLLAMA_HOST',
  'OPENAI_BASE_URL',
] as const;
const EXCEPTIONS = ['NO_PROXY', 'no_proxy'] as const;
/** Only whether they are set. */
const OTHERS = [
  'CODEX_CA_CERTIFICATE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'GIT_SSL_NO_VERIFY',
  'NODE_EXTRA_CA_CERTS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
  'PIP_CERT',
  'PYTHONHTTPSVERIFY',
  'REQUESTS_CA_BUNDLE',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
] as const;

const PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'socks5:': '1080',
  'socks5h:': '1080',
};

/**
 * `host:port` of an address; undefined: it is none, or not safe to tell. A single word may be anything, a key too: without a scheme it needs a
 * port. A URL makes letters small, so that what stands there is judged as it was written.
 */
export function hostAndPort(value: string, clean: Clean): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) && !/:\d{1,5}\/?$/.test(value)) return undefined;
  const [, host = ''] = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/?#]*@)?([^/?#@]*)/i.exec(value) ?? [];
  if (clean(host) !== host) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port } = new URL(text);
  const known = port === '' ? PORTS[protocol] : port;
  return /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/i.test(hostname)
    ? `${hostname}${known === undefined ? '' : `:${known}`}`
    : undefined;
}

export function environmentPart(env: Environment, clean: Clean): Readonly<Record<string, string>> {
  const set: Record<string, string> = {};
  for (const name of ADDRESSES) {
    const value = env[name];
    if (value) set[name] = hostAndPort(value, clean) ?? 'set';
  }
  for (const name of EXCEPTIONS) {
    const entries = (env[name] ?? '').split(',').map((entry) => entry.trim());
    const own = ['localhost', '127.0.0.1', '::1', '*'].filter((entry) => entries.includes(entry));
    if (env[name]) set[name] = `${entries.length} entries, of which ours: ${own.join(' ') || 'none'}`;
  }
  for (const name of OTHERS) if (env[name]) set[name] = env[name] === '0' || env[name] === '1' ? env[name] : 'set';
  return set;
}

/** Variables whose values are not told as they are. */
export const UNTOLD: readonly string[] = [...OTHERS, ...EXCEPTIONS, 'NPM_CONFIG_USERCONFIG', 'PIP_CONFIG_FILE'];
export { ADDRESSES };

/** Values of variables whose names say that they are secret: to be taken out of everything. */
export function secretValues(env: Environment): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && /KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH/i.test(name) ? [value] : [],
  );
}
