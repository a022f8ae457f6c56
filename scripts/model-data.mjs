// SPDX-License-Identifier: Apache-2.0
// Writes src/proxy/models/data.json from a checkout of github.com/anomalyco/models.dev: `node scripts/model-data.mjs FOLDER`.
// Node's own modules only, any Node from 20. Knows the source's layout and nothing of the daemon.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Our provider types and the source's folders; of two folders with the same model the first one counts. */
const FOLDERS = {
  openai: ['openai'],
  anthropic: ['anthropic'],
  azure: ['azure'],
  bedrock: ['amazon-bedrock'],
  gemini: ['google'],
  vertex: ['google-vertex', 'google-vertex-anthropic'],
  mistral: ['mistral'],
  cohere: ['cohere'],
  groq: ['groq'],
  xai: ['xai'],
  deepseek: ['deepseek'],
  openrouter: ['openrouter'],
  together: ['togetherai'],
  fireworks: ['fireworks-ai'],
  cerebras: ['cerebras'],
  perplexity: ['perplexity'],
  nebius: ['nebius'],
  huggingface: ['huggingface'],
  databricks: ['databricks'],
};

/** The subset of TOML that the source uses: tables, arrays of tables, strings, numbers, booleans, arrays, inline tables. */
function parseToml(text) {
  const root = {};
  let table = root;
  let at = 0;

  const fail = (what) => {
    throw new Error(`${what} in line ${text.slice(0, at).split('\n').length}`);
  };
  const blank = (pattern) => {
    pattern.lastIndex = at;
    at += pattern.exec(text)?.[0].length ?? 0;
  };
  const space = () => blank(/[ \t]*/y);
  /** White space, line ends and comments. */
  const gap = () => blank(/(?:\s|#[^\n]*)*/y);
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at += match[0].length;
    return match[0];
  };

  function string() {
    const raw = take(/"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y) ?? fail('expected a string');
    if (raw.startsWith('"""') || raw.startsWith("'''")) return raw.slice(3, -3);
    return raw.startsWith("'") ? raw.slice(1, -1) : JSON.parse(raw);
  }

  function key() {
    const path = [];
    do {
      space();
      path.push(take(/[A-Za-z0-9_-]+/y) ?? string());
      space();
    } while (take(/\./y) !== undefined);
    return path;
  }

  function value() {
    const next = text[at];
    if (next === '"' || next === "'") return string();
    if (next === '[') return array();
    if (next === '{') return inline();
    const word = take(/[^\s,\]}#]+/y) ?? fail('expected a value');
    if (word === 'true' || word === 'false') return word === 'true';
    const number = Number(word.replaceAll('_', ''));
    // Dates without quotes are the only other thing there is; nobody here asks for them.
    return Number.isNaN(number) ? word : number;
  }

  function array() {
    const out = [];
    at += 1;
    for (gap(); text[at] !== ']'; gap()) {
      out.push(value());
      gap();
      if (take(/,/y) === undefined && text[at] !== ']') fail('expected , or ]');
    }
    at += 1;
    return out;
  }

  function inline() {
    const out = {};
    at += 1;
    for (gap(); text[at] !== '}'; gap()) {
      pair(out);
      gap();
      if (take(/,/y) === undefined && text[at] !== '}') fail('expected , or }');
    }
    at += 1;
    return out;
  }

  function pair(into) {
    const path = key();
    if (take(/=/y) === undefined) fail('expected =');
    space();
    const last = path.pop();
    descend(into, path)[last] = value();
  }

  function descend(from, path) {
    let here = from;
    for (const name of path) {
      here[name] ??= {};
      here = Array.isArray(here[name]) ? here[name].at(-1) : here[name];
    }
    return here;
  }

  for (gap(); at < text.length; gap()) {
    if (take(/\[\[/y) !== undefined) {
      const path = key();
      const last = path.pop();
      const parent = descend(root, path);
      parent[last] ??= [];
      table = {};
      parent[last].push(table);
      if (take(/\]\]/y) === undefined) fail('expected ]]');
    } else if (take(/\[/y) !== undefined) {
      table = descend(root, key());
      if (take(/\]/y) === undefined) fail('expected ]');
    } else {
      pair(table);
    }
  }
  return root;
}

function isTable(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tables are merged, all else is replaced: the source's rule for `base_model`. */
function merged(base, over) {
  const out = { ...base };
  for (const [name, value] of Object.entries(over)) {
    out[name] = isTable(value) && isTable(out[name]) ? merged(out[name], value) : value;
  }
  return out;
}

function omit(table, path) {
  const [name, ...rest] = path;
  if (rest.length === 0) delete table[name];
  else if (isTable(table[name])) omit(table[name], rest);
}

function resolved(folder, model) {
  if (model.base_model === undefined) return model;
  const base = resolved(folder, parseToml(readFileSync(join(folder, 'models', `${model.base_model}.toml`), 'utf8')));
  const out = structuredClone(merged(base, model));
  for (const path of model.base_model_omit ?? []) omit(out, path.split('.'));
  return out;
}

/** A letter for each thing known: upper case if the model can do it, lower case if it cannot. */
function letters(model) {
  const input = model.modalities?.input;
  // Where the source lists neither PDF nor "no attachments", files may still be taken (it is so for GPT-4o): not known.
  const documents = input?.includes('pdf') ? true : model.attachment === false ? false : undefined;
  const known = {
    i: input?.includes('image'),
    p: documents,
    a: input?.includes('audio'),
    t: model.tool_call,
    r: model.reasoning,
    k: model.temperature,
    s: model.structured_output,
  };
  return Object.entries(known)
    .filter(([, value]) => value !== undefined)
    .map(([letter, value]) => (value ? letter.toUpperCase() : letter))
    .join('');
}

const number = (value) => (typeof value === 'number' && value >= 0 ? value : null);
/** 0 stands for "no such limit is known" in the source. */
const limit = (value) => (typeof value === 'number' && value > 0 ? value : null);

/** [context, output, letters, input, output, cache read, cache write], dollars per million tokens; the end is left out where null. */
function row(model) {
  const { limit: limits = {}, cost = {} } = model;
  const out = [
    limit(limits.context),
    limit(limits.output),
    letters(model),
    number(cost.input),
    number(cost.output),
    number(cost.cache_read),
    number(cost.cache_write),
  ];
  while (out.at(-1) === null) out.pop();
  return out;
}

function filesUnder(folder, prefix = '') {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(folder, path) : path.endsWith('.toml') ? [path] : [];
  });
}

function providerRows(folder, names) {
  const rows = new Map();
  for (const name of names) {
    const models = join(folder, 'providers', name, 'models');
    for (const path of filesUnder(models)) {
      const id = path.slice(0, -'.toml'.length);
      const model = resolved(folder, parseToml(readFileSync(join(models, path), 'utf8')));
      const speaks = model.modalities?.output?.includes('text') ?? true;
      if (speaks && !rows.has(id)) rows.set(id, row(model));
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** One line a model, in the layout of the formatter, so that two snapshots can be compared. */
function document(source, providers) {
  const line = ([id, cells]) =>
    `      ${JSON.stringify(id)}: [${cells.map((cell) => JSON.stringify(cell)).join(', ')}]`;
  const block = ([type, rows]) => `    ${JSON.stringify(type)}: {\n${rows.map(line).join(',\n')}\n    }`;
  const head = Object.entries(source).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n  "source": {\n${head.join(',\n')}\n  },\n  "providers": {\n${providers.map(block).join(',\n')}\n  }\n}\n`;
}

function main() {
  const [folder, commit, date] = process.argv.slice(2);
  if (folder === undefined || !existsSync(join(folder, 'providers'))) {
    throw new Error('usage: node scripts/model-data.mjs FOLDER [COMMIT DATE]   (FOLDER: a checkout of models.dev)');
  }
  const git = (format) =>
    execFileSync('git', ['-C', folder, 'log', '-1', `--format=${format}`], { encoding: 'utf8' }).trim();
  const source = {
    repository: 'github.com/anomalyco/models.dev',
    commit: commit ?? git('%H'),
    date: date ?? git('%cs'),
    licence: 'MIT, see NOTICE.md',
  };
  const providers = Object.entries(FOLDERS).map(([type, names]) => [type, providerRows(folder, names)]);
  const text = document(source, providers);
  writeFileSync(new URL('../src/proxy/models/data.json', import.meta.url), text);
  const count = providers.reduce((sum, [, rows]) => sum + rows.length, 0);
  console.log(`${count} models of ${providers.length} provider types, ${Buffer.byteLength(text)} bytes`);
}

main();
