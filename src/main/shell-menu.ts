// SPDX-License-Identifier: Apache-2.0
// A computed menu and the text of a notice in the form that Electron draws, and the file of an icon. Pure; types of Electron only.

import type { MenuItemConstructorOptions } from 'electron';
import { assertNever } from '../contract/assert-never.ts';
import type { Command, IconShape, MenuLine } from './shapes.ts';

/** Not on a Mac: elsewhere `&` underlines the next letter, and names of providers may have one. */
function text(label: string, platform: NodeJS.Platform): string {
  return platform === 'darwin' ? label : label.replaceAll('&', '&&');
}

export function menuItems(
  lines: readonly MenuLine[],
  platform: NodeJS.Platform,
  choose: (command: Command) => void,
): MenuItemConstructorOptions[] {
  return lines.map((line): MenuItemConstructorOptions => {
    switch (line.kind) {
      case 'separator':
        return { type: 'separator' };
      case 'text':
        return { label: text(line.label, platform), enabled: false };
      case 'command':
        return { label: text(line.label, platform), click: () => choose(line.command) };
      case 'submenu':
        return { label: text(line.label, platform), submenu: menuItems(line.lines, platform, choose) };
      default:
        return assertNever(line);
    }
  });
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** On Linux a notice's body is markup (Desktop Notifications Specification); its title is not. */
export function noticeBody(body: string, platform: NodeJS.Platform): string {
  return platform === 'linux' ? body.replace(/[&<>]/g, (mark) => ENTITIES[mark] ?? '') : body;
}

/** Beside it lies `@2x` where the system looks for one. A Mac colours what ends in `Template` itself. */
export function iconFile(platform: NodeJS.Platform, shape: IconShape): string {
  if (platform === 'darwin') return `${shape}Template.png`;
  return platform === 'win32' ? `${shape}.ico` : `${shape}.png`;
}
