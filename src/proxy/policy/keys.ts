// SPDX-License-Identifier: Apache-2.0
// A provider's credential as the configuration writes it: one key, several, none, the caller's own, AWS keys or a service account.
// Pure. Knows environment, secrets and account files only as the values that it is given. Messages never hold a key.

import type { Config } from '../../contract/config.ts';
import type { Credential, ProviderKey, Secret } from './policy.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A service account's key file as read from disk, by the name that the configuration gives it. */
export type ServiceAccounts = Readonly<Record<string, { clientEmail: string; privateKey: string; tokenUri: string }>>;

/**
 * Values of `secret:NAME` in what an organisation publishes. `dropped`: the device has none of them any more, and a provider that refers
 * to what is not there falls back to the caller's own credential.
 */
export type Secrets = Readonly<Record<string, string>> | 'dropped';

/** What a written credential may refer to. */
export interface KeySources {
  readonly env: Environment;
  readonly serviceAccounts: ServiceAccounts;
  /** undefined: a stand-alone file, which has none. */
  readonly secrets: Secrets | undefined;
}

type ProviderConfig = NonNullable<Config['providers']>[number];
type Say = (key: string, message: string) => void;

const SECRET = 'secret:';
const VARIABLE = /^\$\{(.+)\}$/;

/** `secret:NAME`? Then it is no path and no key. */
export function namesSecret(text: string): boolean {
  return text.startsWith(SECRET);
}

/** undefined after a complaint, and where all secrets were dropped. */
function secretValue(text: string, secrets: Secrets | undefined, say: (message: string) => void): string | undefined {
  const name = text.slice(SECRET.length);
  if (secrets === undefined) say('only an organisation that publishes its policy has secrets');
  else if (secrets === 'dropped') return undefined;
  else if (Object.hasOwn(secrets, name)) return secrets[name];
  else say(`the organisation has no secret named "${name}"`);
  return undefined;
}

/** A text, or what its variable or secret holds; undefined after a complaint. */
function resolve(text: string, { env, secrets }: KeySources, say: (message: string) => void): string | undefined {
  if (namesSecret(text)) return secretValue(text, secrets, say);
  const variable = VARIABLE.exec(text)?.[1];
  if (variable === undefined) {
    // What is published lies on servers that anybody may read.
    if (secrets !== undefined) say('a published policy holds no key: write "secret:NAME"');
    return text;
  }
  const value = Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined;
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

/** Does the credential refer to what is not there any more? */
function isDropped(entry: ProviderConfig, { env, secrets }: KeySources): boolean {
  if (secrets !== 'dropped') return false;
  const { api_key: key, api_keys: keys, aws, service_account: account } = entry;
  const texts = [key, account, ...(keys ?? []).map((item) => item.key), ...Object.values(aws ?? {})];
  return texts.some((text) => {
    if (text === undefined) return false;
    const variable = VARIABLE.exec(text)?.[1];
    return namesSecret(text) || (variable !== undefined && (!Object.hasOwn(env, variable) || env[variable] === ''));
  });
}

/** Problems are said; then the credential is the caller's own, and the provider is left out by whoever asked. */
export function credentialOf(entry: ProviderConfig, sources: KeySources, say: Say): Credential {
  if (isDropped(entry, sources)) return { kind: 'client' };
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
      const value = resolve(text, sources, (message) => say('api_key', message));
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
        const value = resolve(item.key, sources, (message) => say('api_keys', message));
        return { name, weight: item.weight ?? 1, secret: { kind: 'text', value: value ?? '' } };
      });
      const [first, ...others] = keys;
      return first === undefined ? { kind: 'client' } : { kind: 'keys', keys: [first, ...others] };
    }
    case 'aws': {
      const part = (text: string | undefined) =>
        text === undefined ? undefined : resolve(text, sources, (message) => say('aws', message));
      const id = entry.aws?.access_key_id;
      return one({
        kind: 'aws',
        // Says whose the key is, and is no secret: it stands in every request.
        accessKeyId: (id !== undefined && /^[A-Z0-9]+$/.test(id) ? id : part(id)) ?? '',
        secretAccessKey: part(entry.aws?.secret_access_key) ?? '',
        sessionToken: part(entry.aws?.session_token),
      });
    }
    case 'service_account': {
      const account = accountOf(entry.service_account ?? '', sources, (message) => say('service_account', message));
      if (account !== undefined) return one({ kind: 'google', ...account });
    }
  }
  return { kind: 'client' };
}

/** A key file that was read, or one that a secret holds in base64. */
function accountOf(
  name: string,
  { serviceAccounts, secrets }: KeySources,
  say: (message: string) => void,
): ServiceAccounts[string] | undefined {
  if (!namesSecret(name)) {
    const read = Object.hasOwn(serviceAccounts, name) ? serviceAccounts[name] : undefined;
    if (secrets !== undefined) say('a published policy holds no key file: write "secret:NAME"');
    else if (read === undefined) say('the file of the service account was not read');
    return read;
  }
  const value = secretValue(name, secrets, say);
  if (value === undefined) return undefined;
  const account = parseServiceAccount(Buffer.from(value, 'base64').toString('utf8'));
  if (account === undefined) say('the secret is no key file of a service account in base64');
  return account;
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
