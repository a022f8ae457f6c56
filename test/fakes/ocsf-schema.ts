// SPDX-License-Identifier: Apache-2.0
// Says what of an event is not by OCSF 1.8.0: attributes that its class, its profiles and its objects do not have, wrong types, values that
// an enum does not know, what is required and missing, and sums that do not add up. Made from the schema's own files (test/fixtures/ocsf).

import { readFileSync } from 'node:fs';
import * as z from 'zod';

const attribute = z.tuple([
  z.string(),
  z.enum(['required', 'recommended', 'optional']),
  z.array(z.string()).optional(),
]);
const attributes = z.record(z.string(), attribute);
const atLeastOne = z.array(z.union([z.string(), z.array(z.string())])).optional();
const schema = z.object({
  classes: z.record(
    z.string(),
    z.object({
      uid: z.int(),
      category_uid: z.int(),
      attributes,
      at_least_one: atLeastOne,
      profiles: z.record(z.string(), attributes),
    }),
  ),
  objects: z.record(z.string(), z.object({ attributes, at_least_one: atLeastOne })),
});
const { classes, objects } = schema.parse(
  JSON.parse(readFileSync(new URL('../fixtures/ocsf/ocsf-1.8.0.json', import.meta.url), 'utf8')),
);

type Members = Readonly<Record<string, unknown>>;
type Attributes = z.infer<typeof attributes>;

/** Of the class itself: the schema's files have those of the class that it extends. */
const OWN = new Set(['class_uid', 'category_uid']);

/** Empty: it is as the schema wants it. */
export function ocsfFaults(event: unknown): readonly string[] {
  if (!isMembers(event)) return ['no object'];
  const found = Object.values(classes).find(({ uid }) => uid === event['class_uid']);
  if (found === undefined) return [`class_uid ${event['class_uid']}`];
  const metadata = isMembers(event['metadata']) ? event['metadata'] : {};
  const named = Array.isArray(metadata['profiles']) ? (metadata['profiles'] as readonly string[]) : [];
  const faults: string[] = [];
  let allowed: Attributes = found.attributes;
  for (const name of named) {
    const profile = found.profiles[name];
    if (profile === undefined) faults.push(`profile ${name}`);
    allowed = { ...allowed, ...profile };
  }
  if (metadata['version'] !== '1.8.0') faults.push(`version ${metadata['version']}`);
  if (event['category_uid'] !== found.category_uid) faults.push(`category_uid ${event['category_uid']}`);
  if (event['type_uid'] !== found.uid * 100 + Number(event['activity_id']))
    faults.push(`type_uid ${event['type_uid']}`);
  check('', event, allowed, found.at_least_one, faults);
  return faults;
}

function check(
  at: string,
  value: Members,
  allowed: Attributes,
  constraint: z.infer<typeof atLeastOne>,
  faults: string[],
): void {
  for (const [name, [, requirement]] of Object.entries(allowed)) {
    if (requirement === 'required' && value[name] === undefined) faults.push(`${at}${name} is missing`);
  }
  const groups = constraint?.some(Array.isArray)
    ? constraint.map((one) => [one].flat())
    : constraint?.length
      ? [constraint.flat()]
      : [];
  for (const group of groups) {
    if (!group.some((name) => value[name] !== undefined)) faults.push(`${at} has none of ${group.join(', ')}`);
  }
  for (const [name, member] of Object.entries(value)) {
    const known = allowed[name];
    if (known === undefined) faults.push(`${at}${name} is unknown`);
    else checkValue(`${at}${name}`, member, known[0], at === '' && OWN.has(name) ? undefined : known[2], faults);
  }
}

function checkValue(
  at: string,
  value: unknown,
  type: string,
  values: readonly string[] | undefined,
  faults: string[],
): void {
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return void faults.push(`${at} is no array`);
    for (const one of value) checkValue(`${at}[]`, one, type.slice(0, -2), values, faults);
    return;
  }
  if (values !== undefined && !values.includes(String(value))) faults.push(`${at} is ${JSON.stringify(value)}`);
  const test = SCALARS[type];
  if (test !== undefined) {
    if (!test(value)) faults.push(`${at} (${type}) is ${JSON.stringify(value)}`);
    return;
  }
  if (!isMembers(value)) return void faults.push(`${at} is no object`);
  if (type === 'object') return;
  const object = objects[type];
  if (object === undefined) return void faults.push(`${at}: the fixture has no ${type}`);
  check(`${at}.`, value, object.attributes, object.at_least_one, faults);
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed();
const SCALARS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string_t: isText,
  hostname_t: isText,
  url_t: isText,
  file_name_t: isText,
  file_path_t: isText,
  process_name_t: isText,
  username_t: isText,
  ip_t: isText,
  uuid_t: isText,
  email_t: isText,
  integer_t: (value) => Number.isSafeInteger(value),
  long_t: (value) => Number.isSafeInteger(value),
  port_t: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
  // Milliseconds since the Unix epoch.
  timestamp_t: (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 253_402_300_800_000,
  boolean_t: (value) => typeof value === 'boolean',
};

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
