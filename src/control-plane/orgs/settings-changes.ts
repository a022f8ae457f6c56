// SPDX-License-Identifier: Apache-2.0
// What the log says of a change of settings: which members, what they were and what they are. Bounded; what is sealed is not shown; where
// data and people are sent is always there in full. Pure.

import { createHash } from 'node:crypto';
import type { AdminBody } from '../../contract/admin-row.ts';

type Detail = NonNullable<AdminBody['detail']>;

/** Members of one row, beside addresses. */
const MOST = 32;
/** As the schema of rows has them. */
const LONGEST_NAME = 64;
const LONGEST_TEXT = 256;
/** Only these: a group may be called what it likes. */
const SEALED =
  /^(?:exports\.[^.]*\.secret_headers_sealed\..*|digest_bucket\.secret_access_key_sealed|sign_in\.client_secret_sealed)$/s;
/** Exports by name, sign-in, the bucket: where something goes. */
const ADDRESS = /^(?:exports\.[^.]*\.(?:url|host|port)|sign_in\.issuer|digest_bucket\.url)$/;
const SUFFIX = '.before.9'.length;

/** What settings are called: the SHA-256 of their text as it is stored. */
export function settingsHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/**
 * `PATH.before` and `PATH.after` for each member that is not the same; either is left out where there is none. `sha256` is that of all of
 * `after`; `not_shown` counts changed members that had no room.
 */
export function settingsChanges(before: string, after: string): Detail {
  const [old, now] = [membersIn(before), membersIn(after)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path));
  const addresses = changed.filter((path) => ADDRESS.test(path));
  const others = changed.filter((path) => !ADDRESS.test(path));
  const detail: Detail = {};
  for (const path of [...addresses, ...others.slice(0, MOST)]) {
    put(detail, `${nameOf(path)}.before`, shown(path, old.get(path)), ADDRESS.test(path));
    put(detail, `${nameOf(path)}.after`, shown(path, now.get(path)), ADDRESS.test(path));
  }
  if (others.length > MOST) detail['not_shown'] = others.length - MOST;
  detail['sha256'] = settingsHash(after);
  return detail;
}

/** Leaves as texts, by their paths. Exports go by their names, so that one that is taken out does not move the others. */
function membersIn(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string, value: unknown): void => {
    if (path === 'exports' && Array.isArray(value)) {
      value.forEach((one: unknown, index) => {
        const name = isObject(one) && typeof one['name'] === 'string' ? one['name'] : String(index);
        walk(`exports.${name}`, one);
      });
    } else if (isObject(value) && (path === '' || Object.keys(value).length > 0)) {
      for (const [name, one] of Object.entries(value)) walk(path === '' ? name : `${path}.${name}`, one);
    } else {
      found.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    }
  };
  walk('', JSON.parse(text));
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(path: string, value: string | undefined): string | undefined {
  return value !== undefined && SEALED.test(path) ? 'set' : value?.toWellFormed();
}

function put(detail: Detail, name: string, value: string | undefined, whole: boolean): void {
  if (value === undefined) return;
  if (value.length <= LONGEST_TEXT) {
    detail[name] = value;
  } else if (whole) {
    for (let at = 0, part = 1; at < value.length; at += LONGEST_TEXT, part += 1)
      detail[`${name}.${part}`] = value.slice(at, at + LONGEST_TEXT).toWellFormed();
  } else {
    const hash = ` … SHA-256 ${settingsHash(value)}`;
    detail[name] = value.slice(0, LONGEST_TEXT - hash.length).toWellFormed() + hash;
  }
}

/** Names of groups may be long. */
function nameOf(path: string): string {
  const most = LONGEST_NAME - SUFFIX;
  const name = path.length <= most ? path : `${path.slice(0, most - 17)}~${settingsHash(path).slice(0, 16)}`;
  return name.toWellFormed();
}
