// SPDX-License-Identifier: Apache-2.0
// Takes out of texts what nobody must send on: known secrets, what looks like one, mail addresses, and who the person is. A second net: what
// goes into a support bundle is chosen field by field. Pure.

export interface Person {
  /** Folder of the person; '' where it is not known. */
  readonly home: string;
  readonly user: string;
}

/** An `id` (hash, epoch, device) looks like a key and is none. */
export type Kind = 'text' | 'id';
export type Clean = (text: string, kind?: Kind) => string;

const REMOVED = '[removed]';

/** Shorter ones are words, and would be taken out of everything. Characters. */
const SHORTEST_SECRET = 6;
/** A user name of one or two letters is a folder's name all over the place. Characters. */
const SHORTEST_USER = 3;
/** Members whose values are ids, wherever they stand. */
const IDS: ReadonlySet<string> = new Set(['sha256', 'epoch', 'device', 'org', 'id', 'path']);

/** Each finds something that is taken out whole. */
const SECRET_TEXTS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:bearer|basic)\s+\S+/gi,
  // Keys of vendors, by how they begin.
  /\b(?:sk|pk|rk|gh[oprsu]|github_pat|glpat|hf|gsk|pypi|r8|xox[abeoprs])[-_][\w-]{6,}/gi,
  /\b(?:xai|pplx|nvapi)-[\w-]{16,}|\bnpm_[a-z0-9]{20,}|\bya29\.[\w.-]+|\bAIza[\w-]{10,}|\bA(?:KIA|SIA)[A-Z0-9]{12,}|\beyJ[\w-]{10,}\.[\w.-]+/gi,
  // User info of a URL, then mail addresses and user info without a scheme.
  /(?<=:\/\/)[^\s/?#]+@/g,
  /[^\s/@"'<>()[\]]{1,256}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,63}\b/gi,
  // Values of a URL's parameters.
  /(?<=[?&][\w.%~-]{1,64}=)[^\s&#"']+/g,
  // What follows a name that says it is a secret: the rest of a header's line, or one value.
  /(?<=\b(?:authorization|cookie)["']?[ \t]*[:=][ \t]*)\S[^\r\n]*/gi,
  /(?<=(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|(?<![a-z])auth|signature)[\w-]{0,32}["']?\s{0,4}=\s{0,4})(?:"[^"]*"|'[^']*'|[^\s&"',;]+)/gi,
  /(?<=(?:[-_]key|apikey|[-_]?token|[-_]?secret|passw(?:or)?d|passphrase)["']?\s{0,4}:\s{0,4})(?:"[^"]*"|'[^']*'|[^\s&"',;]+)/gi,
];

/** Long words that may be a key in hex or base64. */
const LONG_WORD = /[\w+-]{24,}={0,2}/g;
/** A file of the log, and the usual form of an id. */
const NO_KEY = /^audit-\d{8}T|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isKeyLike(word: string): boolean {
  if (NO_KEY.test(word) || !/\d/.test(word) || !/[a-z]/i.test(word)) return false;
  // Names of models and files are lower-case words between dashes.
  return /[A-Za-z\d]{24,}/.test(word) || (/[a-z+]/.test(word) && /[A-Z]/.test(word));
}

/** `/home/al` is no part of `/home/alice`. Case does not matter where it does not to the file system. */
const NAME_ENDS = '(?![\\w-])';

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** @param secrets values that must not appear anywhere */
export function createCleaner({ home, user }: Person, secrets: readonly string[]): Clean {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // A secret may be a part of another one.
    .sort((a, b) => b.length - a.length);
  const homes = [home, home.replaceAll('\\', '/'), home.replaceAll('/', '\\')]
    .filter((path) => path.length > 1)
    .map((path) => new RegExp(`${quoted(path)}${NAME_ENDS}`, 'gi'));
  const folder = user.length < SHORTEST_USER ? undefined : new RegExp(`(?<=[/\\\\])${quoted(user)}${NAME_ENDS}`, 'gi');
  return (text, kind = 'text') => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, REMOVED);
    for (const form of SECRET_TEXTS) clean = clean.replace(form, REMOVED);
    for (const path of homes) clean = clean.replace(path, '~');
    if (folder !== undefined) clean = clean.replace(folder, 'USER');
    return kind === 'id' ? clean : clean.replace(LONG_WORD, (word) => (isKeyLike(word) ? REMOVED : word));
  };
}

/** Every text of a value of plain data, names of members included. */
export function cleanValue(value: unknown, clean: Clean, kind: Kind = 'text'): unknown {
  if (typeof value === 'string') return clean(value, kind);
  if (Array.isArray(value)) return value.map((each) => cleanValue(each, clean, kind));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      clean(name, kind),
      cleanValue(each, clean, IDS.has(name) && typeof each === 'string' ? 'id' : kind),
    ]),
  );
}
