// SPDX-License-Identifier: Apache-2.0
// The tables of docs/reference/sync.md: members of messages and objects, single values, endpoints, errors, limits, kinds of objects. Pure.

import { z } from 'zod';
import { ANSWER_TYPES, ENDPOINTS, type Endpoint } from '../../src/contract/sync/endpoints.ts';
import { SYNC_ERRORS, type SyncErrorEntry } from '../../src/contract/sync/errors.ts';
import { LIMITS, MAX_BATCH_ROWS, NONCE_MEMORY_S, SIGNATURE_WINDOW_S } from '../../src/contract/sync/limits.ts';
import { OBJECT_TYPES, type ObjectType } from '../../src/contract/sync/words.ts';
import { type JsonSchema, schemaName, syncSchemas } from './sync-schemas.ts';

const SCHEMAS = syncSchemas((name) => name);

/** A pattern may look like a link, which the rule about links would follow. */
function code(text: string): string {
  const cell = text.replaceAll('|', '\\|');
  return cell.includes('](') ? `<code>${cell.replaceAll('](', ']&#40;')}</code>` : `\`${cell}\``;
}

/** To the heading of what has members, to the table of the others. */
function link(name: string): string {
  const { properties, oneOf } = SCHEMAS[name] ?? {};
  return `[${code(name)}](#${properties === undefined && oneOf === undefined ? 'values' : name.toLowerCase()})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The pattern of `text()`; said in words, because nobody reads it. */
const PLAIN_TEXT = '^[^\\u0000-\\u001f\\u007f]*$';

function between(least: number | undefined, most: number | undefined, unit = ''): string {
  if (least !== undefined && most !== undefined) return `${least === most ? least : `${least} to ${most}`}${unit}`;
  if (most !== undefined) return `at most ${most}${unit}`;
  return least === undefined ? '' : `${least}${unit} or more`;
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ');

function textForm({ pattern, format, minLength, maxLength }: JsonSchema): string {
  const length = between(minLength, maxLength, ' long');
  if (format === 'uri') return joined('URL', length);
  if (pattern === PLAIN_TEXT) return joined('plain text', length);
  return pattern === undefined ? joined('text', length) : joined(code(pattern), length);
}

/** What a value looks like, in a few words. */
function form(schema: JsonSchema): string {
  const { $ref, anyOf, type, items, additionalProperties, propertyNames } = schema;
  if ($ref !== undefined) return link($ref);
  if (anyOf !== undefined) return anyOf.map(form).join(' or ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (Array.isArray(type)) return type.map((one) => (one === 'string' ? textForm(schema) : one)).join(' or ');
  switch (type) {
    case 'string':
      return textForm(schema);
    case 'integer': {
      const least = schema.exclusiveMinimum === undefined ? schema.minimum : schema.exclusiveMinimum + 1;
      return joined('whole number', between(least, schema.maximum));
    }
    case 'array': {
      const count = between(schema.minItems, schema.maxItems);
      return `list ${count === '' ? '' : `(${count}) `}of ${form(items ?? {})}`;
    }
    case 'object':
      if (typeof additionalProperties !== 'object') return 'object';
      return `map of ${form(propertyNames ?? {})} to ${form(additionalProperties)}`;
    default:
      return String(type);
  }
}

/** Without the form's version, which all have alike. */
function memberRows({ properties = {}, required = [] }: JsonSchema, path = ''): readonly (readonly string[])[] {
  return Object.entries(properties)
    .filter(([name]) => name !== 'v')
    .flatMap(([name, member]) => {
      const at = `${path}${name}`;
      const optional = required.includes(name) ? '' : ', optional';
      const said = member.description ?? SCHEMAS[member.$ref ?? '']?.description ?? '';
      if (said === '' && member.const === undefined) throw new Error(`${at} of a schema has no description`);
      return [[code(at), `${form(member)}${optional}`, said], ...inner(member, at)];
    });
}

/** Members of objects that have no name of their own. */
function inner(member: JsonSchema, at: string): readonly (readonly string[])[] {
  const { anyOf = [], items, properties } = member;
  if (properties !== undefined) return memberRows(member, `${at}.`);
  if (items !== undefined) return inner(items, `${at}[]`);
  return anyOf.flatMap((one) => inner(one, at));
}

/** A heading that others link to, what it is, and its members. */
export function members(name: string): string {
  const schema = SCHEMAS[name];
  if (schema?.properties === undefined) throw new Error(`there is no object ${name}`);
  const rows = memberRows(schema);
  return `### ${code(name)}\n\n${schema.description ?? ''}\n\n${table(['member', 'form', 'meaning'], rows)}`;
}

/** Names of all schemas that have members, but for the rows' bodies, which are left to openapi.json. */
export const WITH_MEMBERS = Object.keys(SCHEMAS).filter((name) => SCHEMAS[name]?.properties !== undefined);

/** Single values, to which members refer. */
export function words(): string {
  const rows = Object.entries(SCHEMAS)
    .filter(([, { properties, oneOf }]) => properties === undefined && oneOf === undefined)
    .map(([name, schema]) => [code(name), form(schema), schema.description ?? '']);
  return table(['value', 'form', 'meaning'], rows);
}

const SIGNED: Readonly<Record<Endpoint['signed'], string>> = {
  required: 'yes',
  optional: 'if it likes',
  'new-key': 'with the new key',
};

export function endpoints(): string {
  const rows = Object.values<Endpoint>(ENDPOINTS).map(
    ({ method, path, signed, request, answer, errors = [], summary }) => {
      const named = (schema: z.ZodType): string => link(schemaName(schema) ?? '');
      const said = answer instanceof z.ZodType ? named(answer) : code(ANSWER_TYPES[answer]);
      const asked = request === undefined ? '–' : named(request);
      return [`${method} ${code(path)}`, SIGNED[signed], asked, said, errors.map(code).join(', ') || '–', summary];
    },
  );
  return table(['endpoint', 'signed', 'request', 'answer', 'errors of its own', 'what for'], rows);
}

/** The short names of what an agent does, as the list beside the table explains them. */
const DOES: Readonly<Record<SyncErrorEntry['agent'], string>> = {
  retry: 'later',
  clock: 'corrects its clock',
  split: 'splits',
  quarantine: 'withholds the row',
  resend: 'goes back',
  reenroll: 'enrols again',
  revoked: 'gives up what it was given',
  stop: 'stops',
};

export function errors(): string {
  const rows = Object.entries<SyncErrorEntry>(SYNC_ERRORS).map(([name, { status, text, agent }]) => [
    code(name),
    String(status),
    text,
    DOES[agent],
  ]);
  return table(['code', 'status', 'meaning', 'the agent'], rows);
}

const LIMIT_WORDS: Readonly<Record<keyof typeof LIMITS, string>> = {
  bundle: 'a bundle as it is served',
  bundleText: 'a bundle unpacked',
  document: 'root, freshness document, secrets, and any answer in JSON',
  request: 'the body of a request but a batch, before and after unpacking',
  batch: 'a batch as it is sent',
  batchText: 'a batch unpacked',
  row: 'the body of one row, in UTF-8',
};

const MIB = 1_048_576;

export function limits(): string {
  const bytes = Object.entries(LIMITS).map(([name, most]) => [
    LIMIT_WORDS[name as keyof typeof LIMITS],
    most % MIB === 0 ? `${most / MIB} MiB` : `${most / 1024} KiB`,
  ]);
  return table(
    ['what', 'limit'],
    [
      ...bytes,
      ['rows of a batch', String(MAX_BATCH_ROWS)],
      ['difference between the time of a signature and the server’s', `${SIGNATURE_WINDOW_S} s either way`],
      ['how long a server remembers a nonce', `${NONCE_MEMORY_S} s or more`],
    ],
  );
}

const SIGNERS: Readonly<Record<ObjectType, readonly [payload: string, signers: string]>> = {
  root: [link('rootPayload'), 'so many root keys of the root before, and so many of its own'],
  fresh: [link('freshPayload'), 'one freshness key'],
  bundle: [link('bundlePayload'), 'one policy key'],
  secrets: [link('secretsPayload'), 'one freshness key'],
  receipt: [link('receiptPayload'), 'one receipt key'],
  bypass: [link('bypassPayload'), 'so many root keys as the threshold says'],
  rotate: [link('rotatePayload'), 'the new signing key of a device'],
  digest: ['no concern of agents', 'the control plane, for its own exports'],
};

export function objectTypes(): string {
  const rows = Object.entries(OBJECT_TYPES).map(([name, typ]) => [code(typ), ...SIGNERS[name as ObjectType]]);
  return table(['`typ`', 'payload', 'signed by'], rows);
}
