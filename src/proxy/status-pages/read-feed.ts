// SPDX-License-Identifier: Apache-2.0
// A small reader of RSS and Atom, as far as status pages need it: titles, texts and dates of entries, and whether the incident is over.
// Takes time in proportion to the text; knows no DTD, expands no entity but XML's five and numbers; nesting means nothing to it.

import { headline, type Reading } from './hint.ts';

/** Entries that are looked at; the newest come first. */
const MAX_ENTRIES = 50;
/** A feed keeps its history, and some incidents are never said to be over. Milliseconds. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Text of an entry that is looked at, UTF-16 units: the newest update comes first. */
const MAX_TEXT = 8_192;

interface Entry {
  readonly title: string;
  readonly text: string;
  readonly at: number;
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Index after the end of a tag `<name ...>` at or after `from`; undefined: there is none. */
function tagAt(
  text: string,
  name: string,
  from: number,
): { readonly start: number; readonly after: number } | undefined {
  for (let start = text.indexOf(`<${name}`, from); start >= 0; start = text.indexOf(`<${name}`, start + 1)) {
    if (!/[\s/>]/.test(text.charAt(start + name.length + 1))) continue;
    const end = text.indexOf('>', start);
    return end < 0 ? undefined : { start, after: end + 1 };
  }
  return undefined;
}

/** What stands in the first element of one of these names; '' where there is none. */
function inner(block: string, names: readonly string[]): string {
  for (const name of names) {
    const tag = tagAt(block, name, 0);
    if (tag === undefined) continue;
    const rest = block.slice(tag.after).trimStart();
    if (rest.startsWith('<![CDATA[')) {
      const end = rest.indexOf(']]>');
      return rest.slice('<![CDATA['.length, end < 0 ? undefined : end);
    }
    const end = rest.indexOf(`</${name}`);
    return decoded(end < 0 ? rest : rest.slice(0, end));
  }
  return '';
}

/** Tags become spaces. */
function withoutTags(html: string): string {
  const out: string[] = [];
  let from = 0;
  for (let open = html.indexOf('<'); open >= 0; open = html.indexOf('<', from)) {
    out.push(html.slice(from, open));
    const close = html.indexOf('>', open);
    from = close < 0 ? html.length : close + 1;
  }
  out.push(html.slice(from));
  return decoded(out.join(' ')).replace(/\s+/g, ' ').trim();
}

function entriesOf(xml: string): readonly Entry[] {
  const name = tagAt(xml, 'entry', 0) === undefined ? 'item' : 'entry';
  const entries: Entry[] = [];
  for (let tag = tagAt(xml, name, 0); tag !== undefined && entries.length < MAX_ENTRIES; ) {
    const close = xml.indexOf(`</${name}`, tag.after);
    const block = xml.slice(tag.after, close < 0 ? undefined : close);
    entries.push({
      title: headline(withoutTags(inner(block, ['title']).slice(0, MAX_TEXT))),
      text: withoutTags(inner(block, ['description', 'content', 'summary']).slice(0, MAX_TEXT)),
      at: Date.parse(inner(block, ['updated', 'pubDate', 'published', 'dc:date']).trim()),
    });
    tag = close < 0 ? undefined : tagAt(xml, name, close);
  }
  return entries;
}

const OVER = /^(?:resolved|completed|postmortem|mitigated|cancelled|canceled|scheduled)/i;

/**
 * incident.io, Flashcat and x.ai write `Status: X` first; Statuspage writes `X - text` for each update, newest first; Amazon writes
 * `[RESOLVED]` into the title.
 */
function isOver({ title, text }: Entry): boolean {
  const stage =
    /\bStatus:\s*([A-Za-z]+)/.exec(text)?.[1] ??
    /\b(resolved|completed|postmortem|mitigated|update|investigating|identified|monitoring|scheduled|in progress|verifying)\s[-\u2013]\s/i.exec(
      text,
    )?.[1];
  if (stage !== undefined) return OVER.test(stage);
  return /\[resolved\]|^resolved\b|operating normally/i.test(title);
}

function isMajor({ title, text }: Entry): boolean {
  if (/\bSeverity:\s*(?:outage|major|critical|high)/i.test(text)) return true;
  return /\b(?:outage|unavailable|disruption|down)\b/i.test(title) && !/partial/i.test(title);
}

/** @param now wall time, milliseconds. @returns undefined: not a feed. */
export function readFeed(xml: string, about: RegExp | undefined, now: number): Reading {
  if (!/<(?:rss|feed|rdf:RDF)[\s>]/.test(xml.slice(0, 2_048))) return undefined;
  const open = entriesOf(xml).filter(
    (entry) =>
      now - entry.at < MAX_AGE_MS &&
      !isOver(entry) &&
      (about === undefined || about.test(`${entry.title}\n${entry.text}`)),
  );
  const worst = open.find(isMajor) ?? open[0];
  if (worst === undefined) return { level: 'ok', text: '' };
  return { level: isMajor(worst) ? 'major' : 'minor', text: worst.title };
}
