// SPDX-License-Identifier: Apache-2.0
// Makes the support bundle: a zip of a few small texts in which every member was chosen. No credential, no content of a call, no name of the
// person. Works on whatever lies in the data folder. Knows neither command nor API.

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import type { AuditRow } from '../../contract/audit-row.ts';
import type { Config } from '../../contract/config.ts';
import { API_TOKEN_FILE, GATEWAY_TOKEN_FILE, RUN_FILE } from '../../contract/data-files.ts';
import type { AgentState, DoctorReport } from '../../contract/local-api.ts';
import { printableJson } from '../../contract/printable.ts';
import { readySchema } from '../../contract/ready.ts';
import { listQueueFiles } from '../audit/folder.ts';
import { newestRows } from '../audit/reader.ts';
import { MAX_CONFIG_BYTES, parseConfig } from '../policy/parse.ts';
import { cleanValue, createCleaner, type Person } from './clean.ts';
import { doctorPart } from './doctor-part.ts';
import { type Environment, environmentPart, secretValues } from './environment.ts';
import { faultPart, wordsOf } from './faulty-rules.ts';
import { folderPart } from './folder-part.ts';
import { readSmall } from './read-file.ts';
import { readRestarts } from './restarts.ts';
import { rulesShape, secretsOf } from './rules-part.ts';
import { originOf, statePart } from './state-part.ts';

/** Of one file of the bundle. One that is larger is left out, of rows the newest go in. Bytes. */
const LARGEST_PART = 4 * 2 ** 20;
const LEFT_OUT = `${JSON.stringify({ left_out: 'This part is larger than 4 MiB.' })}\n`;
/** Larger queue files than the daemon makes are not opened. Bytes. */
const LARGEST_QUEUE_FILE = 256 * 2 ** 20;
/** Bytes. */
export const MOST_RUN_FILE = 16_384;
/** Years that a zip can date. */
const [OLDEST, NEWEST] = [Date.UTC(1981, 0, 1), Date.UTC(2099, 0, 1)];

/** All of it can be posted to a thread. */
export interface BundleInput {
  /** Wall time. */
  readonly at: number;
  readonly version: string;
  readonly machine: Machine;
  readonly person: Person;
  readonly dataDir: string;
  /** The file of rules, where this device goes by one. */
  readonly configPath: string;
  /** Undefined: the daemon does not run, or does not answer. */
  readonly state: AgentState | undefined;
  readonly report: DoctorReport;
  readonly env: Environment;
  /** How many of the newest rows of the audit log go in. */
  readonly rows: number;
}

export interface Machine {
  readonly platform: string;
  readonly release: string;
  readonly arch: string;
  readonly node: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly free_memory_bytes: number;
  readonly up_seconds: number;
}

export interface BundlePart {
  readonly name: string;
  /** What it is, in a few words. */
  readonly about: string;
  readonly bytes: number;
}

export interface Bundle {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly parts: readonly BundlePart[];
}

export function bundleName(at: number): string {
  return `outpost-support-${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}.zip`;
}

/** Never waits for a file, reads none that is larger than it should be. @param each told of each part as it is made */
export function makeBundle(input: BundleInput, each: (part: BundlePart) => void = () => undefined): Bundle {
  const rules = readRules(input);
  const clean = createCleaner(input.person, [
    ...tokensOf(input.dataDir),
    ...secretValues(input.env),
    ...(rules.kind === 'config' ? secretsOf(rules.config) : []),
    ...(rules.kind === 'faulty' ? wordsOf(rules.text) : []),
  ]);
  const environment = environmentPart(input.env, clean);
  const made: (BundlePart & { readonly text: string })[] = [];
  const add = (name: string, about: string, text: string): void => {
    const part = { name, about, text, bytes: Buffer.byteLength(text) };
    made.push(part);
    each({ name, about, bytes: part.bytes });
  };
  const addJson = (name: string, about: string, value: unknown): void => {
    const text = `${printableJson(cleanValue(value, clean), 2)}\n`;
    add(name, about, Buffer.byteLength(text) > LARGEST_PART ? LEFT_OUT : text);
  };

  addJson('about.json', 'versions, this system, whether Outpost runs', aboutPart(input));
  addJson('doctor.json', 'what the checks found', doctorPart(input.report, input.env, environment));
  if (input.state !== undefined) {
    addJson('state.json', 'the state of the daemon: states and counts', statePart(input.state));
  }
  addJson('rules.json', 'the shape of the rules: names and counts, no values', rulesPart(rules, input));
  addJson('environment.json', 'where proxy variables lead', environment);
  addJson('files.json', 'names, sizes and modes in the data folder', folderPart(input.dataDir));
  if (input.rows > 0) {
    const rows = fitting(rowsPart(input).map((row) => `${printableJson(cleanValue(rowPart(row), clean, 'id'))}\n`));
    add('rows.jsonl', `the newest rows of the audit log (${rows.length}): metadata of calls`, rows.join(''));
  }
  add('README.txt', 'what is in here', readme(input, made));
  const at = Math.min(Math.max(input.at, OLDEST), NEWEST);
  const files = Object.fromEntries(made.map(({ name, text }) => [name, strToU8(text)]));
  const parts = made.map(({ name, about, bytes }) => ({ name, about, bytes }));
  return { name: bundleName(input.at), bytes: zipSync(files, { mtime: at }), parts };
}

type Rules =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'faulty'; readonly errors: readonly unknown[]; readonly text: string }
  | { readonly kind: 'organisation' | 'absent' | 'not-a-file' | 'too-large' | 'unreadable' };

function readRules({ dataDir, configPath, state }: BundleInput): Rules {
  // Its policy lies signed in the data folder; who publishes it has it, by its version.
  if (state?.organisation !== undefined || isThere(join(dataDir, 'org', 'enrolment.json'))) {
    return { kind: 'organisation' };
  }
  const file = readSmall(configPath, MAX_CONFIG_BYTES, 'followed');
  if (file.kind !== 'text') return { kind: file.kind };
  const parsed = parseConfig(file.text);
  if (parsed.ok) return { kind: 'config', config: parsed.config };
  return { kind: 'faulty', errors: parsed.errors.map(faultPart), text: file.text };
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function rulesPart(rules: Rules, { configPath, state }: BundleInput): unknown {
  switch (rules.kind) {
    case 'config':
      return { file: configPath, ...(rulesShape(rules.config) as object) };
    case 'faulty':
      return { file: configPath, errors: rules.errors };
    case 'organisation':
      return { of: 'an organisation', version: state?.organisation?.version, sha256: state?.policy.sha256 };
    default:
      return { file: configPath, problem: rules.kind };
  }
}

function aboutPart({ at, version, machine, dataDir, state }: BundleInput): unknown {
  return {
    made: new Date(at).toISOString(),
    outpost: version,
    running: state !== undefined,
    machine,
    data_dir: dataDir,
    run_file: runFile(dataDir),
    ended_unexpectedly: readRestarts(dataDir, at).map((time) => new Date(time).toISOString()),
  };
}

function runFile(dataDir: string): unknown {
  const file = readSmall(join(dataDir, RUN_FILE), MOST_RUN_FILE, 'refused');
  if (file.kind !== 'text') return file.kind;
  try {
    const { pid, version, proxy_url, gateway_url, api_url } = readySchema.parse(JSON.parse(file.text));
    return { pid, version, proxy: originOf(proxy_url), gateway: originOf(gateway_url), api: originOf(api_url) };
  } catch {
    return 'not a run file';
  }
}

function tokensOf(dataDir: string): readonly string[] {
  return [API_TOKEN_FILE, GATEWAY_TOKEN_FILE].flatMap((name) => {
    const file = readSmall(join(dataDir, name), 4_096, 'refused');
    return file.kind === 'text' ? [file.text.trim()] : [];
  });
}

/** None while anything in the log's folder is not what it should be: it would be opened. */
function rowsPart({ dataDir, rows }: BundleInput): readonly AuditRow[] {
  try {
    const dir = join(dataDir, 'audit');
    const isOurs = listQueueFiles(dir).every(({ path }) => {
      const stats = lstatSync(path);
      return stats.isFile() && stats.size <= LARGEST_QUEUE_FILE;
    });
    return isOurs ? newestRows(dir, rows) : [];
  } catch {
    return [];
  }
}

/** Of a rejected configuration only where it is wrong: the message repeats what stands there. */
function rowPart(row: AuditRow): unknown {
  const { body } = row;
  if (body.kind !== 'event' || body.event !== 'config-rejected') return row;
  const numbers = Object.entries(body.detail ?? {}).filter(([, value]) => typeof value === 'number');
  return { ...row, body: { ...body, detail: Object.fromEntries(numbers) } };
}

/** The first of these lines, as many as fit into one file. */
function fitting(lines: readonly string[]): readonly string[] {
  let bytes = 0;
  const end = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line);
    return bytes > LARGEST_PART;
  });
  return end < 0 ? lines : lines.slice(0, end);
}

function readme({ at, version, rows }: BundleInput, parts: readonly BundlePart[]): string {
  const width = Math.max(...parts.map(({ name }) => name.length));
  return `Outpost ${version}: support bundle of ${new Date(at).toISOString()}

${parts.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

Not in here: prompts and answers (Outpost keeps none), keys, tokens, passwords, certificates' private keys, codes, values of the rules,
${rows > 0 ? '' : 'rows of the audit log, '}names of people, mail addresses. The home folder is written as ~; of variables that name files it says only that they
are set. Read it before you send it; it is only text.
`;
}
