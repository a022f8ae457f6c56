// SPDX-License-Identifier: Apache-2.0
// The start at login: its arguments, and on Linux, where Electron has no call for it, the person's own autostart file, which also hides one
// that the package installed for all (XDG autostart specification).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Only the icon, and a small heap: the tray idles for days (60 MB less, measured; V8 takes it at its start only). */
export const LOGIN_ARGUMENTS = ['--hidden', '--js-flags=--optimize-for-size'] as const;

/** As the package names its file in /etc/xdg/autostart. */
const FILE = 'outpost-tray.desktop';

/** As `Exec` wants it: quoted, and what is special between quotes behind a backslash; `%` doubled. */
function quoted(path: string): string {
  return `"${path.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}

export function autostartEntry(exe: string, wanted: boolean): string {
  const lines = [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Outpost',
    `Exec=${[quoted(exe), ...LOGIN_ARGUMENTS].join(' ')}`,
  ];
  return `${[...lines, ...(wanted ? ['X-GNOME-Autostart-enabled=true'] : ['Hidden=true'])].join('\n')}\n`;
}

/** `appData`: the person's configuration folder. */
export function writeAutostart(appData: string, exe: string, wanted: boolean): void {
  const folder = join(appData, 'autostart');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, FILE), autostartEntry(exe, wanted), { mode: 0o644 });
}

/** Does the person's own file start it? */
export function readAutostart(appData: string): boolean {
  try {
    const text = readFileSync(join(appData, 'autostart', FILE), 'utf8');
    return !/^(?:Hidden=true|X-GNOME-Autostart-enabled=false)\s*$/m.test(text);
  } catch {
    return false;
  }
}
