// SPDX-License-Identifier: Apache-2.0
// The window's own scheme: the built page, from memory, by exact name. No part of a request ever touches the disk. Knows no Electron.

import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { CONTENT_SECURITY_POLICY, WINDOW_ORIGIN } from './security.ts';
import type { SchemeAnswer } from './shell-port.ts';

/** Only these are served; source maps and anything else that lies in the folder are not. */
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page has 3 files of under 200 KB; these are far above it. */
const MOST_FILES = 64;
const LARGEST_FILE = 4 * 2 ** 20;

const FIXED = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()',
  'cache-control': 'no-store',
};

interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
}

/** By address. A folder that is not there gives none, and every answer is 404. */
function readPage(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true }).slice(0, MOST_FILES);
  } catch {
    return files;
  }
  for (const entry of entries) {
    const { name } = entry;
    const path = join(folder, name);
    const type = name === 'index.html' ? 'text/html; charset=utf-8' : TYPES[extname(name)];
    if (type === undefined || !entry.isFile() || statSync(path).size > LARGEST_FILE) continue;
    const address = name === 'index.html' ? `${WINDOW_ORIGIN}/` : `${WINDOW_ORIGIN}/assets/${name}`;
    files.set(address, { type, body: readFileSync(path) });
  }
  return files;
}

/** Reads the folder at the first request and answers from memory after that. */
export function createSchemeAnswers(folder: string): (method: string, url: string) => SchemeAnswer {
  let files: ReadonlyMap<string, PageFile> | undefined;
  return (method, url) => {
    if (method !== 'GET') return { status: 405, headers: FIXED, body: undefined };
    files ??= readPage(folder);
    const file = files.get(url.split('#')[0] ?? '');
    if (file === undefined) return { status: 404, headers: FIXED, body: undefined };
    return { status: 200, headers: { ...FIXED, 'content-type': file.type }, body: file.body };
  };
}
