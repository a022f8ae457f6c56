// SPDX-License-Identifier: Apache-2.0
// From a process to the app that a person would name: up from helpers to the program that they belong to. Pure: processes are
// asked for by pid. Must not know sockets.

import { interpreterOf } from './script.ts';

/** A process as the operating system tells it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  /** What the process calls itself; short, and its own choice. */
  readonly comm: string;
  readonly exe: string | undefined;
  readonly script: string | undefined;
  /** Chromium's and Electron's helpers say what they are. */
  readonly helper: boolean;
  readonly started: string;
}

/** Further up than this there is no app, only sessions. */
const MAX_STEPS = 8;

/** Folders that many unrelated programs share: being neighbours there means nothing. */
const SHARED_FOLDER =
  /^(?:\/(?:usr(?:\/local)?\/)?(?:s?bin|games|lib(?:64|exec)?)|\/opt|\/snap\/bin|.*\/(?:\.local\/bin|bin|node_modules\/\.bin)|[a-z]:\/windows(?:\/system32)?)$/i;

/** Extensions of editors: what they start speaks for the editor. */
const EXTENSION = /\/\.(?:vscode|vscode-insiders|vscode-server|cursor|windsurf|devin)[^/]*\/extensions\//;

function slashes(path: string): string {
  return path.replaceAll('\\', '/');
}

function folderOf(path: string): string {
  return slashes(path).replace(/\/[^/]*$/, '');
}

/** Last part of a path, without `.exe`. */
export function baseName(path: string): string {
  return (slashes(path).split('/').at(-1) ?? '').replace(/\.exe$/i, '');
}

/** The bundle of a macOS app, else the executable's own folder; undefined where that is shared by others. */
function rootOf(exe: string): string | undefined {
  const bundle = /^(.*?\.app)\//.exec(exe)?.[1];
  if (bundle !== undefined) return bundle;
  const folder = folderOf(exe);
  return SHARED_FOLDER.test(folder) ? undefined : folder;
}

function isInterpreter(info: ProcessInfo): boolean {
  return info.exe !== undefined && interpreterOf(baseName(info.exe)) !== undefined;
}

/** Is `child` a part of `parent`, and not a program that it merely started? */
function belongsTo(child: ProcessInfo, parent: ProcessInfo): boolean {
  if (child.uid !== parent.uid || child.exe === undefined || parent.exe === undefined) return false;
  if (child.exe === parent.exe) return !isInterpreter(child);
  const root = rootOf(parent.exe);
  if (root !== undefined && !isInterpreter(parent)) {
    if (slashes(child.exe).startsWith(`${root}/`)) return true;
    if (child.script !== undefined && slashes(child.script).startsWith(`${root}/`)) return true;
    if (EXTENSION.test(slashes(child.script ?? child.exe))) return true;
  }
  return child.helper && parent.helper;
}

/** Files that say nothing of the program that they start; the folder above does. */
const PLAIN_SCRIPT = /^(?:index|main|__main__|cli|bin|app|server|start|run|entry|bundle|dist|build|src|lib|out)$/i;

/** A script's name as a person would say it: its package, else its file, else the folder above a file of no meaning. */
export function nameOfScript(script: string): string {
  const parts = slashes(script)
    .split('/')
    .filter((part) => part !== '');
  const packages = parts.lastIndexOf('node_modules');
  if (packages >= 0 && packages + 1 < parts.length - 1) {
    const first = parts[packages + 1] ?? '';
    return first.startsWith('@') ? (parts[packages + 2] ?? first) : first;
  }
  for (const part of parts.toReversed()) {
    const stem = part.replace(/\.[A-Za-z0-9]{1,4}$/, '');
    if (stem !== '' && !PLAIN_SCRIPT.test(stem)) return stem;
  }
  return parts.at(-1) ?? script;
}

/** Short name of a process: of its executable, which it cannot choose, else what it calls itself. At most 64 characters. */
export function nameOf(info: ProcessInfo): string {
  return (info.exe === undefined ? info.comm : baseName(info.exe)).slice(0, 64);
}

/**
 * The app that a process belongs to. Walks up while a process is a part of its parent (the same executable, or one inside the
 * parent's own folder or bundle); what was merely started, by a shell or another program, is its own app. At most 64 characters.
 */
export function appOf(start: ProcessInfo, processOf: (pid: number) => ProcessInfo | undefined): string {
  let top = start;
  for (let step = 0; step < MAX_STEPS && top.parent > 1; step++) {
    const parent = processOf(top.parent);
    if (parent === undefined || !belongsTo(top, parent)) break;
    top = parent;
  }
  const bundle = top.exe === undefined ? undefined : /([^/]+)\.app\//.exec(top.exe)?.[1];
  if (bundle !== undefined) return bundle.slice(0, 64);
  const scripted = isInterpreter(top) && top.script !== undefined ? nameOfScript(top.script) : '';
  return (scripted === '' ? nameOf(top) : scripted).slice(0, 64);
}
