// SPDX-License-Identifier: Apache-2.0
// Takes out of texts what nobody must send on: known secrets, what looks like one, and who the person is. A second net: what goes into a
// support bundle is chosen field by field. Pure.

export interface Person {
  /** Folder of the person; '' where it is not known. */
  readonly home: string;
  readonly user: string;
}

const REMOVED = '[removed]';

/** Shorter ones are words, and would be taken out of everything. Characters. */
const SHORTEST_SECRET = 6;
/** A user name of one or two letters is a folder's name all over the place. Characters. */
const SHORTEST_USER = 3;

/** Credentials in the forms of headers, vendors' keys, PEM blocks, and user info of a URL. */
const SECRET_TEXT =
  /\b(?:bearer|basic)\s+\S+|\b(?:sk|pk|rk|ghp|gho|xox[abp])[-_][\w-]{6,}|\bAIza[\w-]{10,}|\bA(?:KIA|SIA)[A-Z0-9]{12,}|\beyJ[\w-]{10,}\.[\w.-]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)|(?<=:\/\/)[^\s/?#]+@/gi;

/** `/home/al` is no part of `/home/alice`. Case does not matter where it does not to the file system. */
const NAME_ENDS = '(?![\\w-])';

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** @param secrets values that must not appear anywhere */
export function createCleaner({ home, user }: Person, secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // A secret may be a part of another one.
    .sort((a, b) => b.length - a.length);
  const homes = [home, home.replaceAll('\\', '/'), home.replaceAll('/', '\\')]
    .filter((path) => path.length > 1)
    .map((path) => new RegExp(`${quoted(path)}${NAME_ENDS}`, 'gi'));
  const folder = user.length < SHORTEST_USER ? undefined : new RegExp(`(?<=[/\\\\])${quoted(user)}${NAME_ENDS}`, 'gi');
  return (text) => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, REMOVED);
    clean = clean.replace(SECRET_TEXT, REMOVED);
    for (const path of homes) clean = clean.replace(path, '~');
    return folder === undefined ? clean : clean.replace(folder, 'USER');
  };
}

/** Every text of a value of plain data, names of members included. */
export function cleanValue(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((each) => cleanValue(each, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [clean(name), cleanValue(each, clean)]));
}
