// SPDX-License-Identifier: Apache-2.0
// Owns: showing an address in the browser of the person at this machine. macOS and Windows are not verified on a real machine.

import { spawn } from 'node:child_process';

/** Full paths: one found through PATH could be anybody's. None of them is a shell, which could read more into an address. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['/usr/bin/open'],
  win32: ['C:\\Windows\\System32\\rundll32.exe', 'url.dll,FileProtocolHandler'],
};
const OTHERS: readonly [string, ...string[]] = ['/usr/bin/xdg-open'];

export type OpenUrl = (url: URL) => Promise<boolean>;

/** True once the program that shows it runs: whether it can is not known. For web addresses only. */
export function openUrl(platform: NodeJS.Platform): OpenUrl {
  const [program, ...args] = OPENERS[platform] ?? OTHERS;
  return (url) =>
    new Promise((resolve) => {
      if (url.protocol !== 'https:' && url.protocol !== 'http:') return resolve(false);
      // The browser may be a child of it and outlives us.
      const child = spawn(program, [...args, url.href], { stdio: 'ignore', detached: true, windowsHide: true });
      child.on('error', () => resolve(false));
      child.on('spawn', () => {
        child.unref();
        resolve(true);
      });
    });
}
