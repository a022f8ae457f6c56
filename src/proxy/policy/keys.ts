// SPDX-License-Identifier: Apache-2.0
// A provider's credential as the configuration writes it: one key, several, none, the caller's own, AWS keys or a service account.
// Pure. Knows the environment and the account files only as the values that it is given. Messages never hold a key.

import type { Config } from '../../contract/config.ts';
import type { Credential, ProviderKey, Secret } from './policy.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A service account's key file as read from disk, by the name that the configuration gives it. */
export type ServiceAccounts = Readonly<Record<string, { clientEmail: string; privateKey: string; tokenUri: string }>>;

type ProviderConfig = NonNullable<Config['providers']>[number];
type Say = (key: string, message: string) => void;

/** A text or what its variable holds; undefined after a complaint. */
function resolve(text: string, env: Environment, say: (message: string) => void): string | undefined {
  const variable = /^\$\{(.+)\}$/.exec(text)?.[1];
  if (variable === undefined) return text;
  const value = env[variable]?.trim();
  if (value === undefined || value === '') {
    say(`the environment variable ${variable} is not set`);
    return undefined;
  }
  // Not echoed: it is a secret. Anything else would break the header it is sent in.
  if (!/^[!-~]{1,4096}$/.test(value)) {
    say(`the environment variable ${variable} is not a valid key (visible ASCII without spaces)`);
    return undefined;
  }
  return value;
}

/** Written ways of one credential; more than one of them in a provider is a mistake. */
const WAYS = ['api_key', 'api_keys', 'aws', 'service_account'] as const;

/** Problems are said; then the credential is the caller's own, and the provider is left out by whoever asked. */
export function credentialOf(entry: ProviderConfig, env: Environment, accounts: ServiceAccounts, say: Say): Credential {
  const used = WAYS.filter((way) => entry[way] !== undefined);
  const [way, second] = used;
  if (second !== undefined) say(second, `a provider has one of ${WAYS.join(', ')}, not several`);
  if (entry.aws !== undefined && entry.type !== 'bedrock') say('aws', 'only type "bedrock" signs with AWS keys');
  if (entry.service_account !== undefined && entry.type !== 'vertex') {
    say('service_account', 'only type "vertex" takes a service account');
  }
  switch (way) {
    case 'api_key': {
      const text = entry.api_key ?? '';
      if (text === 'client' || text === 'none') return { kind: text };
      const value = resolve(text, env, (message) => say('api_key', message));
      return one({ kind: 'text', value: value ?? '' });
    }
    case 'api_keys': {
      const names = new Set<string>();
      const keys = (entry.api_keys ?? []).map((item, index): ProviderKey => {
        const name = item.name ?? `key-${index + 1}`;
        if (names.has(name)) say('api_keys', `the key name "${name}" is used twice`);
        names.add(name);
        if (item.key === 'client' || item.key === 'none') {
          say('api_keys', `"${item.key}" stands alone, as \`api_key: ${item.key}\``);
        }
        const value = resolve(item.key, env, (message) => say('api_keys', message));
        return { name, weight: item.weight ?? 1, secret: { kind: 'text', value: value ?? '' } };
      });
      const [first, ...others] = keys;
      return first === undefined ? { kind: 'client' } : { kind: 'keys', keys: [first, ...others] };
    }
    case 'aws': {
      const part = (text: string | undefined) =>
        text === undefined ? undefined : resolve(text, env, (message) => say('aws', message));
      return one({
        kind: 'aws',
        accessKeyId: part(entry.aws?.access_key_id) ?? '',
        secretAccessKey: part(entry.aws?.secret_access_key) ?? '',
        sessionToken: part(entry.aws?.session_token),
      });
    }
    case 'service_account': {
      const account = accounts[entry.service_account ?? ''];
      if (account !== undefined) return one({ kind: 'google', ...account });
      say('service_account', 'the file of the service account was not read');
    }
  }
  return { kind: 'client' };
}

function one(secret: Secret): Credential {
  return { kind: 'keys', keys: [{ name: 'key-1', weight: 1, secret }] };
}

/** The parts of a service account's key file that are needed; undefined: it is not one. */
export function parseServiceAccount(text: string): ServiceAccounts[string] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { client_email: clientEmail, private_key: privateKey, token_uri: tokenUri } = value as Record<string, unknown>;
  if (typeof clientEmail !== 'string' || typeof privateKey !== 'string' || !privateKey.includes('PRIVATE KEY')) {
    return undefined;
  }
  // An assertion must not be sent to just any address that a file names.
  const uri = typeof tokenUri === 'string' ? tokenUri : 'https://oauth2.googleapis.com/token';
  if (!URL.canParse(uri) || new URL(uri).protocol !== 'https:') return undefined;
  return { clientEmail, privateKey, tokenUri: uri };
}
