// SPDX-License-Identifier: Apache-2.0
// From the text of outpost.yaml to a checked Config, or to errors with line and column. Pure. Must not know what the
// configuration means, and never repeats a value in an error: it may be a key.

import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { type Config, configSchema } from '../../contract/config.ts';
import type { PolicyError } from './policy.ts';
import { closest, keysAt } from './schema-keys.ts';

/** Largest configuration file, in bytes. A catalogue of that many rows belongs into a file of its own. */
export const MAX_CONFIG_BYTES = 1_048_576;

/** Errors beyond these say nothing new. */
const MAX_ERRORS = 20;

export interface ConfigIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export type ParseResult =
  | { readonly ok: true; readonly config: Config; readonly locate: (issue: ConfigIssue) => PolicyError }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };

/** Without a space after its colon a value is a part of its key (`{api_key:x}`): what follows the colon is not shown. */
function shownKey(key: string): string {
  const colon = key.indexOf(':');
  return (colon < 0 ? key : `${key.slice(0, colon)}:…`).slice(0, 64);
}

/** `providers[2].base_url` */
function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = shownKey(String(step));
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** The node at `path`, or the nearest one above it; for a map entry whose value is empty, its key. */
function nodeAt(document: Document, path: readonly PropertyKey[], wantKey: boolean): Node | undefined {
  let node: unknown = document.contents;
  let found = node as Node | undefined;
  for (const [index, step] of path.entries()) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(step));
      next = (wantKey && index === path.length - 1) || pair?.value === null ? pair?.key : pair?.value;
    } else if (isSeq(node) && typeof step === 'number') next = node.items[step];
    if (next === undefined || next === null) break;
    node = next;
    found = next as Node;
  }
  return found ?? undefined;
}

const TOO_DEEP = 'cannot be read as YAML: it is nested too deeply';

/** Kinds of fault whose message may repeat a piece of the text anywhere. */
const OWN_WORDS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_DIRECTIVE: 'a line that begins with "%" is not supported',
  BAD_DQ_ESCAPE: 'an unknown escape in a double-quoted text; a backslash is written \\\\',
  TAG_RESOLVE_FAILED: 'this tag (a word that begins with "!") is not supported',
};

/** The parser's words without what they repeat of the text: of these messages that comes last, after a colon. */
function faultText({ code, message }: YAMLError): string {
  return OWN_WORDS[code] ?? (code === 'UNEXPECTED_TOKEN' ? message.replace(/: .*$/s, '') : message);
}

function zodIssues(issue: z.core.$ZodIssue): readonly (ConfigIssue & { readonly key: boolean })[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(configSchema, issue.path);
    return issue.keys.map((key) => {
      const meant = closest(key, known);
      const glued = key.includes(':') ? 'there must be a space after its colon' : undefined;
      const hint = glued ?? (meant === undefined ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`);
      return { path: [...issue.path, key], key: true, message: `unknown key "${shownKey(key)}"; ${hint}` };
    });
  }
  if (issue.code === 'invalid_key') {
    return [{ path: issue.path, key: true, message: issue.issues[0]?.message ?? issue.message }];
  }
  if (issue.code === 'invalid_union') {
    // The branch that got furthest into the value is the one that was meant.
    const branches = issue.errors.filter((branch) => branch.length > 0);
    const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(...branch.map((each) => each.path.length));
    const deepest = branches.toSorted((a, b) => depth(b) - depth(a))[0];
    if (deepest !== undefined && depth(deepest) > 0) {
      return deepest.flatMap((each) => zodIssues({ ...each, path: [...issue.path, ...each.path] }));
    }
    const texts = branches.map((branch) => branch[0]?.message ?? '').filter((text) => text !== '');
    return [{ path: issue.path, key: false, message: texts.join(', or ') || issue.message }];
  }
  return [{ path: issue.path, key: false, message: issue.message }];
}

/** Without those top-level keys that the author allows to be passed over and that are not known here. */
function withoutIgnorable(value: unknown, ignorable: readonly string[]): unknown {
  if (ignorable.length === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const dropped = new Set(ignorable.filter((key) => !Object.hasOwn(configSchema.shape, key)));
  return Object.fromEntries(Object.entries(value).filter(([key]) => !dropped.has(key)));
}

/**
 * Reads the text. Strict: YAML 1.2 core schema, unique keys, no aliases or merge keys, one document, no unknown keys. Never
 * throws. Lines and columns are 1-based and point at the value that is wrong, for unknown keys at the key.
 * @param ignorable top-level keys that may be passed over where they are not known
 */
export function parseConfig(text: string, ignorable: readonly string[] = []): ParseResult {
  const only = (message: string, line = 0, column = 0): ParseResult => ({
    ok: false,
    errors: [{ message, line, column, at: '' }],
  });
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) return only('the file is larger than 1 MiB');
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: false,
      lineCounter: lines,
    });
  } catch {
    return only(TOO_DEEP);
  }
  const placed = (message: string, offset: number | undefined, at: string): PolicyError => {
    const place = offset === undefined || offset < 0 ? { line: 0, col: 0 } : lines.linePos(offset);
    return { message, line: place.line, column: place.col, at };
  };
  const faults = [...document.errors, ...document.warnings].slice(0, MAX_ERRORS);
  if (faults.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return only(TOO_DEEP);
  if (faults.length > 0) {
    return { ok: false, errors: faults.map((fault) => placed(faultText(fault), fault.pos[0], '')) };
  }
  if (document.contents === null) {
    return only('the file is empty; write "{}" if all defaults are meant');
  }
  let alias: Node | undefined;
  let value: unknown;
  try {
    visit(document, {
      Alias: (_key, node) => {
        alias = node;
        return visit.BREAK;
      },
    });
    if (alias !== undefined && isAlias(alias)) {
      return {
        ok: false,
        errors: [placed('aliases (*name) are not supported; write the value out', alias.range?.[0], '')],
      };
    }
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    return only(TOO_DEEP);
  }
  const locate = (issue: ConfigIssue, key = false): PolicyError =>
    placed(issue.message, nodeAt(document, issue.path, key)?.range?.[0], dotted(issue.path));
  const parsed = configSchema.safeParse(withoutIgnorable(value, ignorable));
  if (parsed.success) return { ok: true, config: parsed.data, locate: (issue) => locate(issue) };
  const { issues } = parsed.error;
  // Of the wrong kind, its size says nothing: zod measures a text where a list was to be.
  const wrongKind = new Set(issues.flatMap(({ code, path }) => (code === 'invalid_type' ? [dotted(path)] : [])));
  const errors = issues
    .filter(({ code, path }) => code === 'invalid_type' || !wrongKind.has(dotted(path)))
    .flatMap(zodIssues)
    .slice(0, MAX_ERRORS)
    .map((issue) => locate(issue, issue.key));
  return { ok: false, errors: errors.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}
