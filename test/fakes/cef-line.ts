// SPDX-License-Identifier: Apache-2.0
// Reads a line of CEF as its specification has it (ArcSight Common Event Format, version 0): `\` before `\` and `|` in the header, before
// `\`, `=`, `n` and `r` in values. Throws on anything else. Written from the specification alone.

export interface CefEvent {
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly signature: string;
  readonly name: string;
  readonly severity: number;
  readonly extension: Readonly<Record<string, string>>;
}

/** Keys of the specification's dictionary that are used, and what their values may be. */
const KEYS: Readonly<Record<string, RegExp>> = {
  rt: /^\d{1,15}$/,
  deviceExternalId: /^.{1,255}$/u,
  shost: /^.{1,1023}$/u,
  suser: /^.{1,1023}$/u,
  sproc: /^.{1,1023}$/u,
  spid: /^\d+$/,
  sourceServiceName: /^.{1,1023}$/u,
  dhost: /^.{1,1023}$/u,
  destinationServiceName: /^.{1,1023}$/u,
  request: /^.{1,1023}$/u,
  requestMethod: /^.{1,1023}$/u,
  app: /^.{1,31}$/u,
  act: /^.{1,63}$/u,
  outcome: /^.{1,63}$/u,
  reason: /^.{1,1023}$/u,
  cat: /^.{1,1023}$/u,
  externalId: /^.{1,40}$/u,
  in: /^\d+$/,
  out: /^\d+$/,
  msg: /^.{1,1023}$/su,
  deviceCustomDate1: /^\d{1,15}$/,
  deviceCustomDate1Label: /^.{1,1023}$/u,
};
for (const n of [1, 2, 3, 4, 5, 6]) {
  Object.assign(KEYS, { [`cs${n}`]: /^.{1,4000}$/u, [`cs${n}Label`]: /^.{1,1023}$/u });
  if (n <= 3) Object.assign(KEYS, { [`cn${n}`]: /^-?\d+$/, [`cn${n}Label`]: /^.{1,1023}$/u });
}

export function parseCef(line: string): CefEvent {
  if (/[\r\n]/.test(line)) throw new Error('more than one line');
  const fields: string[] = [];
  let at = 0;
  while (fields.length < 7) {
    const [piece, end] = upToBar(line, at);
    fields.push(piece);
    at = end;
  }
  const [start, vendor = '', product = '', version = '', signature = '', name = '', severity = ''] = fields;
  if (start !== 'CEF:0') throw new Error(`begins with ${start}`);
  if (!/^(?:\d|10)$/.test(severity)) throw new Error(`severity ${severity}`);
  return {
    vendor,
    product,
    version,
    signature,
    name,
    severity: Number(severity),
    extension: extensionOf(line.slice(at)),
  };
}

function upToBar(line: string, from: number): readonly [text: string, end: number] {
  let text = '';
  for (let at = from; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (char === '|') return [text, at + 1];
    if (char !== '\\') {
      text += char;
      continue;
    }
    at += 1;
    const escaped = line[at] ?? '';
    if (escaped !== '\\' && escaped !== '|') throw new Error(`\\${escaped} in the header`);
    text += escaped;
  }
  throw new Error('the header ends too early');
}

/** A key is what stands between a space and an `=` that has no `\` before it. */
function extensionOf(text: string): Record<string, string> {
  const starts = [...text.matchAll(/(?:^| )([A-Za-z0-9_.[\]]+)=/g)].filter(({ index }) => !escapedAt(text, index));
  const found: Record<string, string> = {};
  for (const [number, match] of starts.entries()) {
    const key = match[1] ?? '';
    const value = unescaped(text.slice(match.index + match[0].length, starts[number + 1]?.index));
    const allowed = KEYS[key];
    if (allowed === undefined) throw new Error(`key ${key}`);
    if (key in found) throw new Error(`key ${key} twice`);
    if (!allowed.test(value)) throw new Error(`${key} is ${JSON.stringify(value)}`);
    found[key] = value;
  }
  return found;
}

function escapedAt(text: string, at: number): boolean {
  return /\\$/.test(text.slice(0, at).replace(/\\\\/g, ''));
}

function unescaped(text: string): string {
  if (/(?<!\\)(?:\\\\)*=/.test(text)) throw new Error('a bare = in a value');
  return text.replace(/\\(.?)/gs, (_, char: string) => {
    const meant = ({ '\\': '\\', '=': '=', n: '\n', r: '\r' } as Readonly<Record<string, string>>)[char];
    if (meant === undefined) throw new Error(`\\${char} in a value`);
    return meant;
  });
}
