// SPDX-License-Identifier: Apache-2.0
// What the window may do and load, as values and pure functions; shell.ts puts them into force. Knows no Electron.

import type { Sender } from './shell-port.ts';

export const SCHEME = 'outpost-app';
/** Of the window; everything else of the scheme is refused. */
export const WINDOW_ORIGIN = `${SCHEME}://window`;

/** The page draws with its own files and asks through channels: it has no business with a network, so no `connect-src`. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Given to the window as they stand. */
export const WEB_PREFERENCES = {
  sandbox: true,
  contextIsolation: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  plugins: false,
  navigateOnDragDrop: false,
  spellcheck: false,
  // Nobody plays anything here; the media stack would be loaded for nothing.
  autoplayPolicy: 'document-user-activation-required',
} as const;

/** Switches of Chromium, set before it starts. */
export const SWITCHES: readonly (readonly [name: string, value?: string])[] = [
  // The window loads nothing from anywhere, and Chromium asks nobody anything of its own: no name resolves, no proxy is asked (it may be ours).
  ['host-resolver-rules', 'MAP * ~NOTFOUND'],
  ['no-proxy-server'],
  ['disable-background-networking'],
  ['disable-component-update'],
  ['disable-domain-reliability'],
  // Bytes; what there is lies in the app's own files.
  ['disk-cache-size', '1048576'],
];

/** May the session load this address? What stands in the page itself (`data:`) is ruled by the content security policy. */
export function mayLoad(url: string): boolean {
  return url.startsWith(`${WINDOW_ORIGIN}/`);
}

/** Is it the top frame of our window that asks, and is our page in it? */
export function isOurs(sender: Sender): boolean {
  return sender.main && sender.url.startsWith(`${WINDOW_ORIGIN}/`);
}

/** Where our documentation lies; none is published yet. Origins. */
const DOCUMENTATION: readonly string[] = [];

/** Longest address that is handed to the system. Characters, as in the contract. */
const LONGEST_URL = 512;

/** The address as it may be opened outside, or undefined. `support`: the organisation's help, from the policy. */
export function outsideUrl(address: string, support: string | undefined): string | undefined {
  const url = parsed(address);
  if (url === undefined || url.href.length > LONGEST_URL) return undefined;
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  const help = support === undefined ? undefined : parsed(support);
  const allowed = [...DOCUMENTATION, ...(help?.protocol === 'https:' ? [help.origin] : [])];
  return allowed.includes(url.origin) ? url.href : undefined;
}

function parsed(address: string): URL | undefined {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}
