// SPDX-License-Identifier: Apache-2.0
// Windows: the words of netstat and PowerShell, and what they answer. Pure. Not verified on a real machine: written after their
// documentation.

import { hasMembers, isText, isWhole, type MemberTests } from '../../../contract/members.ts';
import { baseName, type ProcessInfo } from '../app.ts';
import type { Peer } from '../owner.ts';
import { interpreterOf, scriptOf } from '../script.ts';

export function netstatArguments(peer: Peer): readonly string[] {
  return ['-ano', '-p', peer.family === 4 ? 'TCP' : 'TCPv6'];
}

/** `  TCP    127.0.0.1:CLIENT    127.0.0.1:OURS    ESTABLISHED    PID`; the state's word depends on the language. */
export function readNetstat(text: string, peer: Peer): number | undefined {
  const host = peer.family === 4 ? '127.0.0.1' : '[::1]';
  for (const line of text.split(/\r?\n/)) {
    const fields = line.trim().split(/\s+/);
    const [protocol, local, remote] = fields;
    const pid = Number(fields.at(-1));
    if (protocol !== 'TCP' || local !== `${host}:${peer.remotePort}` || remote !== `${host}:${peer.localPort}`)
      continue;
    // 0: the socket is in TIME_WAIT and has no owner any more.
    if (Number.isSafeInteger(pid) && pid > 0) return pid;
  }
  return undefined;
}

/** The process and those above it, as JSON. `pid` is a number, so nothing of the outside stands in the command. */
export function processCommand(pid: number): readonly string[] {
  const script = [
    '$ErrorActionPreference = "Stop"',
    '[Console]::OutputEncoding = [Text.Encoding]::UTF8',
    `$next = ${pid}`,
    '$all = for ($i = 0; $i -lt 8 -and $next -gt 4; $i++) {',
    '  $p = Get-CimInstance Win32_Process -Filter "ProcessId=$next" -ErrorAction SilentlyContinue',
    '  if (-not $p) { break }',
    '  $next = $p.ParentProcessId',
    '  [pscustomobject]@{ pid = $p.ProcessId; parent = $p.ParentProcessId; name = $p.Name; exe = $p.ExecutablePath;',
    '    command = $p.CommandLine; started = $p.CreationDate.ToFileTimeUtc().ToString() }',
    '}',
    'ConvertTo-Json -Compress @($all)',
  ].join('\n');
  return ['-NoProfile', '-NonInteractive', '-NoLogo', '-Command', script];
}

interface ReportedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly exe: string | null;
  readonly command: string | null;
  readonly started: string;
}

const PROCESS: MemberTests<ReportedProcess> = {
  pid: (value) => isWhole(value),
  parent: (value) => isWhole(value),
  name: isText,
  exe: (value) => value === null || isText(value),
  command: (value) => value === null || isText(value),
  started: isText,
};

/** Arguments of a Windows command line: separated by spaces, joined by quotes. Enough to find a script. */
export function splitCommandLine(command: string): readonly string[] {
  return [...command.slice(0, 8192).matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** The asked process first. Empty when the output is not what was asked for. */
export function readProcesses(text: string): readonly ProcessInfo[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  const processes: readonly unknown[] = value;
  if (!processes.every((one) => hasMembers(one, PROCESS))) return [];
  return processes.map(({ pid, parent, name, exe, command, started }) => {
    const argv = splitCommandLine(command ?? '');
    const interpreter = interpreterOf(baseName(name));
    return {
      pid,
      parent,
      uid: -1,
      comm: baseName(name),
      exe: exe ?? undefined,
      script: interpreter === undefined ? undefined : scriptOf(interpreter, argv, undefined),
      helper: argv.some((arg) => arg.startsWith('--type=')),
      started,
    };
  });
}
